//! The ledger of the story: every check, as it is made, and whether it held.

/// Checks, counted.
#[derive(Debug, Default)]
pub struct Ledger {
    held: usize,
    failed: Vec<String>,
}

impl Ledger {
    /// Says what must be true now, and whether it is.
    pub fn check(&mut self, what: &str, is_true: bool) {
        tell!("  {} {what}", if is_true { "[ok]" } else { "[NOT TRUE]" });
        if is_true {
            self.held += 1;
        } else {
            self.failed.push(what.to_owned());
        }
    }

    pub fn holds(&self) -> bool {
        self.failed.is_empty()
    }

    /// Says how it ended.
    pub fn conclude(&self, told: &Result<(), String>) {
        tell!();
        if let Err(error) = told {
            tell!("The story broke off: {error}");
        }
        tell!("{} checks held, {} did not", self.held, self.failed.len());
        for what in &self.failed {
            tell!("  not true: {what}");
        }
    }
}
