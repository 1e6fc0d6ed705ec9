//! What is too large, and what there is no room for.

use super::*;
use crate::{Listed, PartNumber};

fn small(folder: &TempDir) -> Store {
    let options = Options { max_object: 1000, max_total: 3 * EACH + 2500, ..options(folder) };
    Store::open(options).expect("the store opens")
}

//= docs/contract.md#object-limits
//= type=test
//# A body that is longer than `objects.max_object` MUST be refused with 413, and one for which `objects.max_total` leaves no room with 507.
#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_has_come() {
    let folder = folder();
    let store = small(&folder);
    assert!(matches!(store.intake(Some(1001)).await, Err(Error::TooLarge { most: 1000 })));
    let mut body = store.intake(Some(1000)).await.expect("there is room");
    body.push(bytes(1000).into()).await.expect("it fits");
    let more = body.push(Bytes::from_static(b"x")).await;
    assert!(matches!(more, Err(Error::TooLarge { most: 1000 })));
    drop(body);
    settled(&store, 0).await;
}

#[tokio::test]
async fn what_there_is_no_room_for_is_refused_and_room_comes_back() {
    let folder = folder();
    let store = small(&folder);
    let kept = keep(&store, store.new_id().expect("an id"), &bytes(1000)).await.expect("kept");
    let mut coming = intake(&store, &bytes(1000)).await.expect("there is room");
    let full = |error: &Error| matches!(error, Error::Full { .. });
    assert!(full(&store.intake(Some(501)).await.expect_err("there is no room")));
    let mut third = store.intake(None).await.expect("it may be short");
    assert!(full(&third.push(bytes(501).into()).await.expect_err("it is not")));
    let empty = keep(&store, store.new_id().expect("an id"), b"").await;
    assert!(full(&empty.expect_err("objects without bytes take room too")));
    drop(third);
    settled(&store, 2 * EACH + 2000).await;
    assert!(coming.push(Bytes::from_static(b"x")).await.is_err(), "its own limit holds");
    drop(coming);
    settled(&store, EACH + 1000).await;
    drop(store);
    let store = small(&folder);
    assert_eq!(store.used(), EACH + 1000, "what is there counts after a restart");
    assert!(store.find(kept.id(), NOW).await.expect("it reads").is_some());
}

#[tokio::test]
async fn parts_together_are_no_larger_than_an_object() {
    let folder = folder();
    let store = small(&folder);
    let id = store.new_id().expect("an id");
    store.begin(id, about("a"), NOW).await.expect("it begins");
    let [one, two] = [1, 2].map(|number| PartNumber::try_from(number).expect("in range"));
    let body = intake(&store, &bytes(600)).await.expect("it comes");
    let first = store.keep_part(body, id, one).await.expect("it fits");
    let body = intake(&store, &bytes(401)).await.expect("it comes");
    let refused = store.keep_part(body, id, two).await;
    assert!(matches!(refused, Err(Error::TooLarge { most: 1000 })));
    let body = intake(&store, &bytes(1000)).await.expect("it comes");
    let other = store.keep_part(body, id, one).await.expect("it replaces the first");
    assert_ne!(first, other);
    settled(&store, EACH + 1000).await;
    let listed = Listed { number: one, etag: other.etag().to_owned() };
    assert_eq!(store.complete(id, vec![listed], NOW).await.expect("complete").length(), 1000);
}

#[test]
fn a_parts_number_is_from_1_to_10000() {
    for (text, is_good) in [
        ("0", false),
        ("1", true),
        ("10000", true),
        ("10001", false),
        ("99999999999999999999", false),
        ("-1", false),
        ("", false),
        ("one", false),
        ("1/../2", false),
    ] {
        assert_eq!(text.parse::<PartNumber>().is_ok(), is_good, "{text}");
    }
}

#[tokio::test]
async fn a_disk_without_room_says_so() {
    let folder = folder();
    let store = open(&folder);
    // The system has a file on which every write fails as on a full disk.
    let full = Path::new("/dev/full");
    let mut file = fs::OpenOptions::new().write(true).open(full).expect("it is there");
    let failed = std::io::Write::write_all(&mut file, b"x").expect_err("it is full");
    let error = crate::error::at("write", full)(failed);
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    // A folder that somebody has taken away is another failure, and harms nobody later.
    let temp = store.inner.layout.all_temp().to_owned();
    fs::remove_dir(&temp).expect("it is empty");
    let failed = store.intake(None).await.expect_err("there is no folder to write in");
    assert!(matches!(failed, Error::Io { .. }), "{failed}");
    fs::create_dir(&temp).expect("it is made again");
    settled(&store, 0).await;
    keep(&store, store.new_id().expect("an id"), b"x").await.expect("it goes on");
}
