//! Users found by the beginnings of words, page after page by name. A word that few have leads to them, who are then sorted. Where many have each
//! word, users are met by name until the page is full; when that is not soon, as those who have all the words come late or hardly ever, the
//! rarest word leads after all.

use uuid::Uuid;

use super::error::StoreError;
use super::sql::{Query, query};
use super::words::words;
use super::{Store, user};
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;

/// How many words of a search count.
const WORDS: usize = 8;

/// From so many entries on, a word is common.
const MANY: i64 = 10_000;
/// So many times as often, it is everybody's.
const EVERYBODYS: i64 = 30;

/// How many entries a word has, at most `?3` of them.
pub(super) const HOW_MANY: &str = "SELECT count(*) AS many FROM (SELECT 1 FROM words WHERE word >= ?1 AND word < ?2 LIMIT ?3) AS entries";

/// So many users are met before that is given up.
const SOON: i64 = 10_000;

/// A page of users, by name: `?1` its size, `?2` and `?3` the user before it, then two values for each word: where it begins, and where what
/// begins so ends.
macro_rules! users_where {
    ($($condition:expr),*) => {
        concat!("SELECT ", user::columns!(), " FROM users WHERE ", $($condition, " AND ",)* "(name, id) > (?2, ?3) ORDER BY name, id LIMIT ?1")
    };
}

/// Users among those who have the word.
macro_rules! among {
    ($from:literal, $to:literal) => {
        concat!("id IN (SELECT user_id FROM words WHERE word >= ", $from, " AND word < ", $to, ")")
    };
}

/// The user, whoever it is, has the word.
macro_rules! has {
    ($from:literal, $to:literal) => {
        concat!("EXISTS (SELECT 1 FROM words WHERE user_id = users.id AND word >= ", $from, " AND word < ", $to, ")")
    };
}

/// By how many words are given, of which the first is rare.
#[rustfmt::skip]
pub(super) const RARE: [&str; WORDS + 1] = [
    users_where!(),
    users_where!(among!("?4", "?5")),
    users_where!(among!("?4", "?5"), has!("?6", "?7")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9"), has!("?10", "?11")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9"), has!("?10", "?11"), has!("?12", "?13")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9"), has!("?10", "?11"), has!("?12", "?13"), has!("?14", "?15")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9"), has!("?10", "?11"), has!("?12", "?13"), has!("?14", "?15"), has!("?16", "?17")),
    users_where!(among!("?4", "?5"), has!("?6", "?7"), has!("?8", "?9"), has!("?10", "?11"), has!("?12", "?13"), has!("?14", "?15"), has!("?16", "?17"), has!("?18", "?19")),
];

/// The same, among the next `?4` users by name.
macro_rules! next_users_where {
    ($($condition:expr),*) => {
        concat!(
            "SELECT ", user::columns!(), " FROM (SELECT * FROM users WHERE (name, id) > (?2, ?3) ORDER BY name, id LIMIT ?4) AS users WHERE ",
            $($condition, " AND ",)* "true ORDER BY name, id LIMIT ?1"
        )
    };
}

/// By how many words are given, all of them common.
#[rustfmt::skip]
pub(super) const COMMON: [&str; WORDS + 1] = [
    next_users_where!(),
    next_users_where!(has!("?5", "?6")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10"), has!("?11", "?12")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10"), has!("?11", "?12"), has!("?13", "?14")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10"), has!("?11", "?12"), has!("?13", "?14"), has!("?15", "?16")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10"), has!("?11", "?12"), has!("?13", "?14"), has!("?15", "?16"), has!("?17", "?18")),
    next_users_where!(has!("?5", "?6"), has!("?7", "?8"), has!("?9", "?10"), has!("?11", "?12"), has!("?13", "?14"), has!("?15", "?16"), has!("?17", "?18"), has!("?19", "?20")),
];

/// How many entries begin with a word, as far as they were counted; the word; where what begins with it ends.
type Range = (i64, String, String);

impl Store {
    /// Users who have words that begin with every word of `text`, in their name, e-mail address, UPN or the serial number of a device; by name,
    /// behind one that a page ended with. Capitals do not count.
    pub async fn find_users(&self, text: &str, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.find_users_by(text, after, limit, MANY).await
    }

    pub(super) async fn find_users_by(&self, text: &str, after: Option<UserId>, limit: u32, many: i64) -> Result<Vec<User>, StoreError> {
        let words: Vec<String> = words(text).take(WORDS).collect();
        if words.is_empty() && !text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let Some((name, id)) = self.place_of(after).await? else { return Ok(Vec::new()) };
        let ranges = words.into_iter().map(|word| (0, word.clone(), format!("{word}{}", char::MAX))).collect();
        let mut ranges = self.rarest_first(ranges, many).await?;
        if ranges.first().is_some_and(|(entries, ..)| *entries >= many) {
            let met = query(COMMON[ranges.len()]).bind(limit).bind(name.clone()).bind(id).bind(SOON);
            let met = self.users_with(met, &ranges).await?;
            if met.len() == limit as usize {
                return Ok(met);
            }
            // so far, those that are common were not told from each other
            ranges = self.rarest_first(ranges, many * EVERYBODYS).await?;
        }
        self.users_with(query(RARE[ranges.len()]).bind(limit).bind(name).bind(id), &ranges).await
    }

    /// How many entries each word has, counted no further than `many`.
    async fn rarest_first(&self, mut ranges: Vec<Range>, many: i64) -> Result<Vec<Range>, StoreError> {
        for (entries, word, end) in &mut ranges {
            let counted = query(HOW_MANY).bind(&**word).bind(&**end).bind(many).fetch_one(&self.readers).await?;
            *entries = counted.try_get("many")?;
        }
        ranges.sort();
        Ok(ranges)
    }

    async fn users_with(&self, asked: Query, ranges: &[Range]) -> Result<Vec<User>, StoreError> {
        let asked = ranges.iter().fold(asked, |asked, (_, word, end)| asked.bind(word.clone()).bind(end.clone()));
        Ok(asked.fetch_all(&self.readers).await?.iter().map(user::read).collect::<Result<_, _>>()?)
    }

    /// Where a page begins: behind that user, or behind nobody.
    async fn place_of(&self, user: Option<UserId>) -> Result<Option<(String, Uuid)>, StoreError> {
        let Some(user) = user else { return Ok(Some((String::new(), Uuid::nil()))) };
        let found = query("SELECT name FROM users WHERE id = ?").bind(user).fetch_optional(&self.readers).await?;
        Ok(found.map(|row| row.try_get("name")).transpose()?.map(|name| (name, user.0)))
    }
}
