//! Space that is given back.

use std::{fs, time::Duration};

use super::*;

#[test]
fn the_file_shrinks_when_what_it_held_has_expired() {
    let folder = folder();
    let mut store = open(folder.path());
    let content = Content { headers: Vec::new(), body: vec![7; 100_000] };
    let submission =
        |number| Op::Submit { ticket: ticket(number), content: content.clone(), max_ahead: None };
    let cancel = |number| Op::Cancel { app: app(), request: RequestId::from_bits(number) };
    store.commit(NOW, (0..300).map(submission).collect()).expect("a commit");
    store.commit(NOW, (0..300).map(cancel).collect()).expect("a commit");
    let pages = |store: &Store| -> i64 {
        let read = |row: &rusqlite::Row<'_>| row.get(0);
        writer(store).connection.pragma_query_value(None, "page_count", read).expect("a count")
    };
    let before = pages(&store);
    let later = NOW + Duration::from_secs(60 * 60);
    for _ in 0..20 {
        store
            .commit(later, vec![Op::Sweep { limit: 1_000, silent: Silent::Dead }])
            .expect("a commit");
    }
    let after = pages(&store);
    assert!(before > 7_000 && after < 5_000 && after > 3_000, "{before} pages, then {after}");
    drop(store);
    let size = fs::metadata(folder.path().join("queue.sqlite")).expect("the file").len();
    assert_eq!(size, u64::try_from(after * 4_096).expect("a size"));
}
