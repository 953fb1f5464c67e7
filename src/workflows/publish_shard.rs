//! The CRLs of shards: each says what the newest full list says of its certificates, under the same number. They are made when they are
//! asked for, from that list and nothing else, and kept in memory until there is a newer one: nothing more is written when something
//! happens, however many shards there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::failure::{Failure, broken};
use super::publish_crl::latest_crl;
use super::world::World;
use crate::pki::crl::{Edition, Entries, Scope, Shard, sign_crl};
use crate::store::crl::Crl;

/// The lists that were asked for, of one number.
#[derive(Default)]
pub struct ShardLists(Mutex<Option<Made>>);

struct Made {
    edition: Edition,
    entries: Entries,
    lists: BTreeMap<Shard, Arc<[u8]>>,
}

impl Made {
    fn of(crl: Crl) -> Result<Self, Failure> {
        let edition = Edition { number: crl.number.unsigned_abs(), this_update: crl.this_update, next_update: crl.next_update };
        let entries = Entries::of_list(crl.der).ok_or_else(|| broken("a CRL that we signed"))?;
        Ok(Self { edition, entries, lists: BTreeMap::new() })
    }
}

/// One list of several; nothing where no CRL has been published yet. Who asks while it is being made waits for it.
pub async fn shard_crl(world: &World, shard: Shard) -> Result<Option<Arc<[u8]>>, Failure> {
    let mut kept = world.shards.0.lock().await;

    // 1 what was made of the newest list; else that list
    let newest = world.store.latest_crl_edition().await?.map(|edition| edition.number);
    let of_newest = kept.take().filter(|made| newest == i64::try_from(made.edition.number).ok());
    let made = match of_newest {
        Some(made) => made,
        None => match latest_crl(world).await? {
            Some(crl) => Made::of(crl)?,
            None => return Ok(None),
        },
    };
    let made = kept.insert(made);
    if let Some(list) = made.lists.get(&shard) {
        return Ok(Some(Arc::clone(list)));
    }

    // 2 sign
    let (issuer, key) = (world.authority.issuing_certificate(), world.authority.issuing_key());
    let url = world.authority.shard_url(shard);
    let list: Arc<[u8]> = sign_crl(issuer, key, &made.edition, &Scope::Shard { url: &url }, &made.entries.of_shard(shard))?.into();
    made.lists.insert(shard, Arc::clone(&list));
    Ok(Some(list))
}
