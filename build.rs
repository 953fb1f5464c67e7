//! The schema is part of the program: a changed migration rebuilds it.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
