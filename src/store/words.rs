//! By which words users are found: those of their names and addresses, and of the serial numbers of their devices. A word is a run of letters
//! and digits, in small letters. Whoever searches gives the beginnings of words, so that an index finds them among a million users.

use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::error::StoreError;
use super::script::Script;
use crate::lifecycle::ids::UserId;

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// A user is found by these texts from now on, as long as their source (the user, or a device) is theirs.
pub(super) fn enter<'t>(script: &mut Script, user: UserId, source: Uuid, texts: impl IntoIterator<Item = &'t str>) {
    for word in texts.into_iter().flat_map(words) {
        script
            .run("INSERT INTO words (word, user_id, source_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(word)
            .bind(user)
            .bind(source);
    }
}

/// Nobody is found by this device any more.
pub(super) fn leave(script: &mut Script, user: UserId, device: Uuid) {
    script.run("DELETE FROM words WHERE user_id = ? AND source_id = ?").bind(user).bind(device);
}

/// Fills the words of a file from before there were any.
pub(super) async fn fill(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let is_filled: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM words) OR NOT EXISTS (SELECT 1 FROM users)").fetch_one(&mut *connection).await?;
    if is_filled {
        return Ok(());
    }
    let texts: Vec<(Uuid, Uuid, String)> = sqlx::query_as(
        "SELECT id, id, name || ' ' || email || ' ' || upn FROM users \
         UNION ALL SELECT user_id, id, serial FROM devices WHERE user_id IS NOT NULL",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut transaction = sqlx::Connection::begin(connection).await?;
    for (user, source, text) in texts {
        for word in words(&text) {
            let enter = sqlx::query("INSERT INTO words (word, user_id, source_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
            enter.bind(word).bind(user).bind(source).execute(&mut *transaction).await?;
        }
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_text_is_its_letters_and_digits() {
        let words = |text| super::words(text).collect::<Vec<_>>();
        assert_eq!(words("Élodie O'Neill-Ruiz"), ["élodie", "o", "neill", "ruiz"]);
        assert_eq!(words("ana.ruiz@corp.example.org"), ["ana", "ruiz", "corp", "example", "org"]);
        assert_eq!(words(" -%_ "), [""; 0]);
    }
}
