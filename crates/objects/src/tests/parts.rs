//! Objects that come in parts.

use super::*;
use crate::{Listed, Part, PartNumber};

fn number(number: u64) -> PartNumber {
    PartNumber::try_from(number).expect("a number in range")
}

async fn begin(store: &Store) -> ObjectId {
    let id = store.new_id().expect("an id");
    store.begin(id, about("parts.bin"), NOW).await.expect("it begins");
    id
}

async fn part(store: &Store, id: ObjectId, at: u64, bytes: &[u8]) -> Result<Part> {
    store.keep_part(intake(store, bytes).await?, id, number(at)).await
}

fn listed(part: &Part) -> Listed {
    Listed { number: part.number(), etag: part.etag().to_owned() }
}

//= docs/contract.md#object-parts
//= type=test
//# A completion MUST put together the parts that it lists, by their numbers, whatever their order in the list, and MUST be refused with 400 where one of them is not there with that etag.
#[tokio::test]
async fn parts_are_put_together_by_their_numbers() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let (body, mut parts) = (bytes(700_000), Vec::new());
    for (at, piece) in [(3, &body[500_000..]), (1, &body[..100_000]), (2, &body[100_000..500_000])]
    {
        parts.push(listed(&part(&store, id, at, piece).await.expect("it is kept")));
    }
    let unlisted = part(&store, id, 10_000, b"unlisted").await.expect("it is kept");
    assert_eq!((unlisted.number().number(), unlisted.length()), (10_000, 8));

    let wrong = Listed { number: number(1), etag: parts[0].etag.clone() };
    let refused = store.complete(id, vec![wrong.clone()], NOW).await;
    assert!(matches!(refused, Err(Error::NoPart(at)) if at == number(1)));
    let twice = [parts.clone(), vec![wrong]].concat();
    assert!(matches!(store.complete(id, twice, NOW).await, Err(Error::NoPart(_))));
    assert!(matches!(store.complete(id, vec![], NOW).await, Err(Error::NoParts)));
    let absent = Listed { number: number(4), etag: parts[0].etag.clone() };
    assert!(matches!(store.complete(id, vec![absent], NOW).await, Err(Error::NoPart(_))));
    assert!(store.find(id, NOW).await.expect("it reads").is_none(), "not before it is complete");

    let object = store.complete(id, parts.clone(), NOW).await.expect("it is complete");
    assert_eq!((object.length(), object.about().name()), (700_000, "parts.bin"));
    assert!(object.etag().ends_with("-3"), "{}", object.etag());
    assert_eq!(all(&store, id).await, Some(body.clone()));
    let range = 99_990..500_010;
    let wanted = &body[range.start as usize..range.end as usize];
    assert_eq!(read(&store, &object, range).await.expect("it reads"), wanted);
    settled(&store, EACH + 700_000).await;

    let again = store.complete(id, parts.clone(), NOW + SECOND).await;
    assert_eq!(again.expect("a completion may be repeated"), object);
    let fewer = store.complete(id, parts[..2].to_vec(), NOW).await;
    assert!(matches!(fewer, Err(Error::Taken)));
    let late = part(&store, id, 1, b"late").await;
    assert!(matches!(late, Err(Error::NoUpload)));
    assert_eq!(store.upload(id), None);
}

#[tokio::test]
async fn a_part_may_be_sent_again() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let first = part(&store, id, 1, b"first").await.expect("it is kept");
    assert_eq!(part(&store, id, 1, b"first").await.expect("it is kept"), first);
    settled(&store, EACH + 5).await;
    let second = part(&store, id, 1, b"second!").await.expect("it is kept");
    settled(&store, EACH + 7).await;
    let old = store.complete(id, vec![listed(&first)], NOW).await;
    assert!(matches!(old, Err(Error::NoPart(_))));
    store.complete(id, vec![listed(&second), listed(&second)], NOW).await.expect("complete");
    assert_eq!(all(&store, id).await.as_deref(), Some(&b"second!"[..]));
}

#[tokio::test]
async fn an_object_may_be_empty_in_parts() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let empty = part(&store, id, 1, b"").await.expect("it is kept");
    let object = store.complete(id, vec![listed(&empty)], NOW).await.expect("complete");
    assert_eq!((object.length(), all(&store, id).await), (0, Some(vec![])));
}

#[tokio::test]
async fn everybody_who_completes_at_once_gets_the_same_object() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let mut parts = Vec::new();
    for at in 1..=20 {
        parts.push(listed(&part(&store, id, at, &bytes(1000)).await.expect("it is kept")));
    }
    let completions: Vec<_> = (0..8)
        .map(|_| {
            let (store, parts) = (store.clone(), parts.clone());
            tokio::spawn(async move { store.complete(id, parts, NOW).await })
        })
        .collect();
    for completion in completions {
        let object = completion.await.expect("it ends").expect("it is complete");
        assert_eq!(object.length(), 20_000);
    }
    assert_eq!(store.used(), EACH + 20_000);
}

#[tokio::test]
async fn whoever_is_too_late_for_an_upload_changes_nothing() {
    let folder = folder();
    let store = open(&folder);
    let mut completed = Vec::new();
    for _ in 0..40 {
        let id = begin(&store).await;
        let one = part(&store, id, 1, b"one").await.expect("it is kept");
        let (other, third) = (store.clone(), store.clone());
        let replace = tokio::spawn(async move { part(&other, id, 1, b"other").await });
        let abort = tokio::spawn(async move { third.abort(id).await });
        match store.complete(id, vec![listed(&one)], NOW).await {
            Ok(object) => completed.push(object),
            Err(error) => {
                assert!(matches!(error, Error::NoPart(_) | Error::NoUpload), "{error}");
            }
        }
        let replaced = replace.await.expect("it ends");
        assert!(matches!(replaced, Ok(_) | Err(Error::NoUpload)), "{replaced:?}");
        abort.await.expect("it ends").expect("it is there, or was");
        store.abort(id).await.expect("it is gone now");
    }
    for object in &completed {
        assert_eq!(all(&store, object.id()).await.as_deref(), Some(&b"one"[..]));
    }
    settled(&store, completed.len() as u64 * (EACH + 3)).await;
}

//= docs/contract.md#object-parts
//= type=test
//# An upload in parts MUST survive a restart, with the parts that were acknowledged.
#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let one = part(&store, id, 1, b"one").await.expect("it is kept");
    let used = store.used();
    drop(store);
    let store = open(&folder);
    assert_eq!((store.used(), store.upload(id)), (used, Some(about("parts.bin"))));
    let two = part(&store, id, 2, b"two").await.expect("it is kept");
    store.complete(id, vec![listed(&one), listed(&two)], NOW).await.expect("complete");
    assert_eq!(all(&store, id).await.as_deref(), Some(&b"onetwo"[..]));
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_gone() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    let one = part(&store, id, 1, b"one").await.expect("it is kept");
    assert!(store.abort(id).await.expect("it is given up"));
    assert!(!store.abort(id).await.expect("there is none"));
    assert_eq!((store.used(), store.upload(id)), (0, None));
    let late = store.complete(id, vec![listed(&one)], NOW).await;
    assert!(matches!(late, Err(Error::NoUpload)));
    let unknown = part(&store, store.new_id().expect("an id"), 1, b"one").await;
    assert!(matches!(unknown, Err(Error::NoUpload)));
    settled(&store, 0).await;
}

//= docs/contract.md#object-parts
//= type=test
//# An upload that is not completed within a day MUST be given up.
#[tokio::test]
async fn an_upload_has_a_day() {
    let folder = folder();
    let store = open(&folder);
    let id = begin(&store).await;
    part(&store, id, 1, b"one").await.expect("it is kept");
    let day = 86_400 * SECOND;
    assert_eq!(store.sweep(NOW + (day - SECOND)).await.uploads, 0);
    assert!(store.upload(id).is_some());
    drop(store);
    let store = open(&folder);
    assert_eq!(store.sweep(NOW + day).await.uploads, 1);
    assert_eq!((store.used(), store.upload(id)), (0, None));
    assert_eq!(names(&folder.path().join("objects/open")), [""; 0]);
}
