//! Bad input by the hundred thousand: what strangers send, altered at random, the same way in each run. No parser panics, none uses much more
//! memory than its input is long, and what is read makes sense. The parsers are those of fuzz/src/lib.rs, where a fuzzer calls them too.

mod altered;
mod card;
mod evidence;
mod phone;
mod records;
mod requests;
mod targets;
mod words;
