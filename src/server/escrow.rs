//! `remint escrow rotate`: what the administrator is told of a rotation.

use super::ServerError;
use crate::pki::escrow::MASTER;
use crate::workflows::rotate_escrow::Rotation;

/// The rotation, for a person. An error, if something does not open and so is left under an earlier key.
pub fn told(rotation: &Rotation) -> Result<String, ServerError> {
    let Rotation { key, is_resumed, resealed, stuck } = rotation;
    if !stuck.is_empty() {
        let count = stuck.len();
        let lines = stuck.join("\n");
        let rest = "keep every earlier escrow key, see remint check, restore the rows from a backup, and run it again";
        return Err(ServerError::new(format!("{lines}\nthe rotation is not complete: {count} keys do not open: {rest}")));
    }
    let began = if *is_resumed { "went on with a rotation that was cut short\n" } else { "" };
    Ok(format!("{began}escrow key {key} seals now; sealed anew by this run: {resealed}\n{}", of_earlier_keys(*key)))
}

fn of_earlier_keys(key: u32) -> String {
    match key - 1 {
        MASTER => "nothing in escrow is sealed under the master key any more".to_owned(),
        earlier => format!(
            "nothing is sealed under an earlier escrow key any more: when no backup of the database is to be restored that is older than this, \
             destroy keys/escrow-{earlier}.key and its copies (docs/escrow.md)"
        ),
    }
}
