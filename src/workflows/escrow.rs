//! What goes into escrow, and what comes out: for a device that collects its user's keys, and for officers who recover them.

use zeroize::Zeroizing;

use super::failure::{Failure, broken};
use super::world::World;
use crate::lifecycle::credential::Credential;
use crate::lifecycle::ids::UserId;
use crate::pki::escrow::{MASTER, Owner};
use crate::store::commit::Write;

/// Seals the private key (PKCS#8) of an `enc` credential under the escrow key that seals now. If a rotation begins before it is kept, the
/// commit is a conflict, and the next attempt seals under the new one.
pub async fn deposit(world: &World, user: UserId, enc: &Credential, private_key: &[u8]) -> Result<Write, Failure> {
    let key = world.store.escrow_key().await?.map_or(MASTER, |key| key.number);
    let sealed = world.escrow.seal(key, world.entropy.as_ref(), Owner { user, serial: enc.serial }, private_key)?;
    Ok(Write::Escrow { credential: enc.id, key, sealed })
}

/// The private key (PKCS#8) of an `enc` credential of this user.
pub async fn withdraw(world: &World, user: UserId, enc: &Credential) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let kept = world.store.escrowed(enc.id).await?.ok_or_else(|| broken("the escrowed key of an enc credential"))?;
    Ok(world.escrow.open(kept.key, Owner { user, serial: enc.serial }, &kept.sealed)?)
}
