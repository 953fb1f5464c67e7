//! How long a CRL of so many revoked certificates takes, from the database to signed bytes, how long it is, and what memory it takes at most:
//! `cargo bench --bench crl -- 1000000`. A process measures one size, as a peak of memory is a process's.

#![allow(clippy::unwrap_used, dead_code, reason = "a measurement that fails says where; the house is the one of the tests")]
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[path = "../tests/support/database.rs"]
mod database;
#[path = "../tests/support/house.rs"]
mod house;

use std::fs;
use std::path::Path;
use std::time::Instant;

use house::House;
use remint::workflows::publish_crl::publish_crl;
use sqlx::Executor;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

/// So many of them, revoked in the last year; and as many that are good.
async fn fill(database: &Path, revoked: u64) {
    // one connection with room in memory: the rows come in no order
    let fast = SqliteConnectOptions::new().filename(database).pragma("cache_size", "-2000000").pragma("synchronous", "OFF");
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(fast).await.unwrap();
    let (user, device) = ("X'00000000000000000000000000000001'", "X'00000000000000000000000000000002'");
    let now = "unixepoch('2026-11-22 12:00:00') * 1000";
    // a serial of ours begins with 0x40 to 0x7f
    let serial = "unhex(printf('%02x', 64 + abs(random()) % 64) || hex(randomblob(19)))";
    let rows = format!("WITH RECURSIVE rows(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < {revoked})");
    let columns =
        "id, user_id, slot, serial, made_for, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason";
    let good = format!("randomblob(16), {user}, 'auth', {serial}, {device}");
    let certified = format!("{now} - 1, randomblob(32), {now} - 31536000000, {now} + 31536000000, {now} - 31536000000");
    let statements = [
        format!("INSERT INTO users (id, name, email, upn, created_at) VALUES ({user}, 'Ana', 'ana@example.org', 'ana', {now})"),
        format!(
            "INSERT INTO devices (id, user_id, kind, serial, model, name, state, issued_at) VALUES ({device}, {user}, 'mobile-app', '1', 'm', 'n', 'issued', {now})"
        ),
        format!("INSERT INTO credentials ({columns}) {rows} SELECT {good}, 'issued', {certified}, NULL, NULL FROM rows"),
        format!(
            "INSERT INTO credentials ({columns}) {rows} SELECT {good}, 'revoked', {certified}, {now} - abs(random()) % 31536000000, 'superseded' FROM rows"
        ),
    ];
    for statement in statements {
        pool.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    pool.close().await;
}

/// Some more are revoked, so that the next list has a delta.
async fn revoke(database: &Path, count: u64) {
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(database)).await.unwrap();
    let update = format!(
        "UPDATE credentials SET state = 'revoked', revoked_at = not_before, revocation_reason = 'superseded' \
         WHERE id IN (SELECT id FROM credentials WHERE state = 'issued' LIMIT {count})"
    );
    pool.execute(sqlx::AssertSqlSafe(update)).await.unwrap();
    pool.close().await;
}

/// What the process has resident, now or at most since this was called with `true`; in MiB.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    found.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn forget_the_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::main]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let revoked: u64 = asked.unwrap_or(10_000);
    let house = House::new(1, |_| {}).await;
    let database = house.folder.path().join("house").join("remint.db");
    fill(&database, revoked).await;
    println!("revoked:      {revoked}, and as many that are good");
    for round in 1..=5 {
        if round > 1 {
            revoke(&database, 100).await;
        }
        let before = memory("VmRSS:");
        forget_the_peak();
        let begun = Instant::now();
        let list = publish_crl(&house.world).await.unwrap();
        let took = begun.elapsed();
        let (peak, delta) = (memory("VmHWM:"), list.delta.unwrap());
        println!(
            "publication {round}: {:.3} s, {} bytes, delta {} bytes, resident {before} MiB before, {peak} MiB at most",
            took.as_secs_f64(),
            list.der.len(),
            delta.len()
        );
    }
}
