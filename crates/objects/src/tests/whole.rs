//! Objects that come whole.

use super::*;
use crate::Access;

//= docs/contract.md#object-durable
//= type=test
//# An upload MUST NOT be acknowledged before the object is whole and durable, under a name that it keeps.
#[tokio::test]
async fn what_was_kept_is_there_after_a_restart() {
    let folder = folder();
    let store = open(&folder);
    let lengths = [0, 1, 262_144, 262_145, 3_000_000];
    let mut kept = Vec::new();
    for length in lengths {
        let mut about = about("größe.txt");
        about.access = Access::Hide;
        let intake = intake(&store, &bytes(length)).await.expect("it comes");
        let id = store.new_id().expect("an id");
        kept.push(store.keep(intake, (id, about), NOW).await.expect("it is kept"));
    }
    let used = store.used();
    drop(store);
    let store = open(&folder);
    assert_eq!(store.used(), used);
    for (object, length) in kept.iter().zip(lengths) {
        let found = store.find(object.id(), NOW).await.expect("it reads");
        assert_eq!(found.as_ref(), Some(object));
        assert_eq!(object.length(), length as u64);
        assert_eq!((object.about().name(), object.about().access), ("größe.txt", Access::Hide));
        assert_eq!(all(&store, object.id()).await, Some(bytes(length)));
    }
}

#[tokio::test]
async fn any_stretch_of_an_object_can_be_read() {
    let (folder, length) = (folder(), 600_000);
    let store = open(&folder);
    let object = keep(&store, store.new_id().expect("an id"), &bytes(length)).await.expect("kept");
    let end = object.length();
    for range in [0..1, 1..5, 262_140..262_150, 0..262_144, 262_144..end, end - 1..end] {
        let wanted = bytes(length)[range.start as usize..range.end as usize].to_vec();
        assert_eq!(read(&store, &object, range.clone()).await.expect("it reads"), wanted);
    }
    for nothing in [0..0, 7..7, end..end + 9, end + 5..end + 9] {
        assert!(read(&store, &object, nothing).await.expect("it reads").is_empty());
    }
    assert_eq!(read(&store, &object, end - 3..end + 9).await.expect("it reads").len(), 3);
}

//= docs/contract.md#object-once
//= type=test
//# An upload that is sent again with the same bytes MUST be answered as the first one was, and one with other bytes MUST get 409 and change nothing.
#[tokio::test]
async fn an_object_is_written_once() {
    let folder = folder();
    let store = open(&folder);
    let id = store.new_id().expect("an id");
    let first = keep(&store, id, b"one").await.expect("it is kept");
    let intake = intake(&store, b"one").await.expect("it comes");
    let again = store.keep(intake, (id, about("b.txt")), NOW + SECOND).await;
    assert_eq!(again.expect("it is the same"), first);
    assert!(matches!(keep(&store, id, b"two").await, Err(Error::Taken)));
    assert_eq!(all(&store, id).await.as_deref(), Some(&b"one"[..]));
    settled(&store, EACH + 3).await;
}

#[tokio::test]
async fn of_many_who_write_one_object_at_once_one_wins() {
    let folder = folder();
    let store = open(&folder);
    let id = store.new_id().expect("an id");
    let writes = (0..8_u8).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { keep(&store, id, &[number; 10]).await })
    });
    let writes: Vec<_> = writes.collect();
    let mut won = Vec::new();
    for write in writes {
        match write.await.expect("it ends") {
            Ok(object) => won.push(object),
            Err(error) => assert!(matches!(error, Error::Taken), "{error}"),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(all(&store, id).await.map(|bytes| bytes.len()), Some(10));
    settled(&store, EACH + 10).await;
}

#[tokio::test]
async fn an_etag_tells_contents_apart() {
    let folder = folder();
    let store = open(&folder);
    let mut etags = Vec::new();
    for text in [&b"one"[..], b"one", b"two", b""] {
        let object = keep(&store, store.new_id().expect("an id"), text).await.expect("kept");
        etags.push(object.etag().to_owned());
    }
    assert_eq!(etags[0], etags[1]);
    assert_ne!(etags[0], etags[2]);
    // The SHA-256 of nothing, as others compute it.
    assert_eq!(etags[3], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[tokio::test]
async fn what_is_not_kept_leaves_nothing() {
    let folder = folder();
    let store = open(&folder);
    let intake = intake(&store, &bytes(3_000_000)).await.expect("it comes");
    assert!(store.used() > 3_000_000, "it has its room while it comes");
    drop(intake);
    settled(&store, 0).await;
    assert_eq!(names(&folder.path().join("objects/temp")), [""; 0]);
}

//= docs/contract.md#object-expiry
//= type=test
//# An object whose time has come MUST NOT be served any more, and its room MUST be given back within a minute.
#[tokio::test]
async fn an_object_goes_when_its_time_has_come() {
    let folder = folder();
    let mut options = options(&folder);
    options.lifetime = Some(60 * SECOND);
    let store = Store::open(options.clone()).expect("the store opens");
    let usual = keep(&store, store.new_id().expect("an id"), b"usual").await.expect("kept");
    let mut short = about("short.txt");
    short.lifetime = Some(SECOND);
    let body = intake(&store, b"short").await.expect("it comes");
    let id = store.new_id().expect("an id");
    let short = store.keep(body, (id, short), NOW).await.expect("kept");
    assert_eq!((usual.expires(), short.expires()), (Some(NOW + 60 * SECOND), Some(NOW + SECOND)));

    assert_eq!(store.sweep(NOW).await, crate::Swept::default());
    assert!(store.find(short.id(), NOW).await.expect("it reads").is_some());
    assert!(store.find(short.id(), NOW + SECOND).await.expect("it reads").is_none());
    assert_eq!(store.sweep(NOW + SECOND).await.objects, 1);
    assert_eq!(store.used(), EACH + 5);
    drop(store);
    let store = Store::open(options).expect("the store opens");
    assert_eq!(store.used(), EACH + 5, "it is gone from the disk as well");
    assert!(store.find(usual.id(), NOW + 59 * SECOND).await.expect("it reads").is_some());
    assert_eq!(store.sweep(NOW + 60 * SECOND).await.objects, 1);
    assert_eq!((store.used(), names(&folder.path().join("objects/kept"))), (0, vec![]));
}

#[tokio::test]
async fn a_damaged_object_is_named_and_in_nobodys_way() {
    let folder = folder();
    let store = open(&folder);
    let bad = keep(&store, store.new_id().expect("an id"), b"bad").await.expect("kept");
    let good = keep(&store, store.new_id().expect("an id"), b"good").await.expect("kept");
    let file = store.inner.layout.kept(bad.id()).join("object");
    fs::write(&file, b"{").expect("it is written");
    assert!(matches!(store.find(bad.id(), NOW).await, Err(Error::Damaged(path)) if path == file));
    let short = store.inner.layout.kept(good.id()).join(good.parts[0].file());
    fs::write(short, b"goo").expect("it is written");
    assert!(matches!(read(&store, &good, 0..4).await, Err(Error::Damaged(_))));
    drop(store);
    let store = open(&folder);
    assert!(store.find(bad.id(), NOW).await.expect("it is left alone").is_none());
    assert!(store.find(good.id(), NOW).await.expect("it reads").is_some());
}
