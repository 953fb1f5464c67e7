//! One word, one meaning: enums whose variants are written the same way in the database, the API, the pages and the documents.

/// Declares an enum with the word of each variant: `as_str`, `Display`, `FromStr` and `ALL`.
macro_rules! words {
    ($(#[$doc:meta])* pub enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every variant, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it, the same in every layer.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// That something is none of these words.
            pub fn unknown(found: &str) -> crate::lifecycle::words::UnknownWord {
                crate::lifecycle::words::UnknownWord { found: found.chars().take(60).collect(), expected: &[$($word),+] }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::lifecycle::words::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(Self::unknown(text)),
                }
            }
        }
    };
}
pub(crate) use words;

/// A word that the vocabulary does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found: {found:?}, expected one of: {}", expected.join(", "))]
pub struct UnknownWord {
    /// Its beginning: who asked knows the rest.
    pub found: String,
    pub expected: &'static [&'static str],
}
