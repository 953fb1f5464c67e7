//! The schemas as they grew, step by step: part of the program. A step is never changed once it was released; a new one goes to the end.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The name of a file and what it says.
type Step = (&'static str, &'static str);

macro_rules! steps {
    ($folder:literal: $($name:literal)+) => {
        [$(($name, include_str!(concat!("../../migrations/", $folder, "/", $name, ".sql")))),+]
    };
}

const SQLITE: &[Step] = &steps! { "sqlite":
    "0001_the_house"
    "0002_the_audit_chain"
    "0003_the_portal"
    "0004_the_outbox"
    "0005_stock_and_dues"
    "0006_plain_sessions"
    "0007_delta_crls"
    "0008_escrow_keys_and_recoveries"
    "0010_directory_attributes"
    "0011_addresses"
    "0012_the_list"
    "0013_the_second_step"
    "0014_disputes"
    "0015_the_log_of_a_user"
    "0016_sessions_of_devices"
    "0017_addresses_in_small_letters"
    "0018_words"
    "0019_letters_in_turn"
};

const POSTGRES: &[Step] = &steps! { "postgres":
    "0001_the_house"
};

pub(super) fn of_sqlite() -> Migrator {
    migrator(SQLITE)
}

pub(super) fn of_postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(steps: &'static [Step]) -> Migrator {
    Migrator::with_migrations(steps.iter().filter_map(migration).collect())
}

/// `0007_delta_crls`: its version, and what it is about.
fn migration((name, sql): &'static Step) -> Option<Migration> {
    let (version, about) = name.split_once('_')?;
    let about = Cow::Owned(about.replace('_', " "));
    Some(Migration::new(version.parse().ok()?, about, MigrationType::Simple, SqlStr::from_static(sql), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step_in_its_place() {
        for (folder, steps, migrator) in [("sqlite", SQLITE, of_sqlite()), ("postgres", POSTGRES, of_postgres())] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
            let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
            let mut files: Vec<String> = files.collect();
            files.sort();
            assert_eq!(files, steps.iter().map(|(name, _)| format!("{name}.sql")).collect::<Vec<_>>());
            let versions: Vec<i64> = migrator.iter().map(|step| step.version).collect();
            assert!(versions.len() == steps.len() && versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        }
    }
}
