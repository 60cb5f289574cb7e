//! The behaviours of the knowledge's part. Each takes a store without rows.

use switchboard::domain::article::{Article, Change, Content, Origin};
use switchboard::domain::conversation::{Author, Message};
use switchboard::domain::gap::{Gap, GapState};
use switchboard::domain::ids::{AgentId, ArticleId};
use switchboard::domain::knowledge::{Kind, Sensitivity};
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::Reason;
use switchboard::seams::knowledge_store::{ArticleFilter, GapCursor, PageWatch};
use switchboard::seams::store::{Store, StoreError};

use crate::samples::{conversation, id, message, seeded};

fn article(agent: AgentId, kind: Kind) -> Article {
    Article {
        id: ArticleId(id()),
        agent,
        revision: 1,
        content: Content {
            kind,
            title: "When are you open?".into(),
            body: "From nine; 'quoted' \u{1F600}.".into(),
            questions: vec!["hours?".into()],
            spoken: Some("Nine.".into()),
            sensitivity: Some(Sensitivity::Review),
            valid_until: Some(EpochMs(77)),
        },
        origin: Origin::Page { url: "https://shop.example/".into() },
        deleted: false,
        change: Change::Created,
        by: "ann".into(),
        created_at: EpochMs(1),
        updated_at: EpochMs(1),
    }
}

async fn save(store: &dyn Store, article: &Article) -> Result<(), StoreError> {
    let mut unit = store.begin().await.unwrap();
    unit.save_article(article).await?;
    unit.commit().await
}

/// R15: every revision stays as it was; of two from one revision the second loses.
pub async fn an_article_keeps_every_revision(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    let first = article(agent.id, Kind::Policy);
    save(store, &first).await.unwrap();
    let edited = Content { body: "From ten.".into(), ..first.content.clone() };
    let second = first.next(edited, Change::Edited, "bob", EpochMs(2));
    save(store, &second).await.unwrap();
    assert!(matches!(save(store, &second).await, Err(StoreError::Conflict)));
    let third = second.next(second.content.clone(), Change::Deleted, "ann", EpochMs(3));
    save(store, &third).await.unwrap();
    assert_eq!(store.article(first.id).await.unwrap(), Some(third.clone()));
    assert_eq!(store.article_revisions(first.id, None, 2).await.unwrap(), [third, second.clone()]);
    assert_eq!(store.article_revisions(first.id, Some(2), 9).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(store.article_revision(first.id, 2).await.unwrap(), Some(second));
    assert_eq!(store.article_revision(first.id, 4).await.unwrap(), None);
    assert_eq!(store.article(ArticleId(id())).await.unwrap(), None);
}

pub async fn articles_are_listed_by_kind_and_in_pages(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    let mut articles = Vec::new();
    for kind in [Kind::Faq, Kind::Policy, Kind::Faq] {
        let article = article(agent.id, kind);
        save(store, &article).await.unwrap();
        articles.push(article.id);
    }
    let gone = article(agent.id, Kind::Faq);
    save(store, &gone).await.unwrap();
    save(store, &gone.next(gone.content.clone(), Change::Deleted, "ann", EpochMs(2))).await.unwrap();
    let ids = async |filter: ArticleFilter, after, limit| -> Vec<ArticleId> {
        let page = store.articles(agent.id, &filter, after, limit).await.unwrap();
        page.into_iter().map(|article| article.id).collect()
    };
    articles.reverse();
    assert_eq!(ids(ArticleFilter::default(), None, 9).await, articles);
    assert_eq!(ids(ArticleFilter::default(), Some(articles[0]), 1).await, articles[1..2]);
    let policies = ArticleFilter { kind: Some(Kind::Policy), deleted: false };
    assert_eq!(ids(policies, None, 9).await, articles[1..2]);
    assert_eq!(ids(ArticleFilter { kind: None, deleted: true }, None, 9).await, [gone.id]);
    assert!(store.articles(AgentId(id()), &ArticleFilter::default(), None, 9).await.unwrap().is_empty());
}

pub async fn a_watched_page_falls_due_until_it_is_forgotten(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    let page = article(agent.id, Kind::Faq);
    save(store, &page).await.unwrap();
    let mut watch = PageWatch {
        article: page.id,
        url: "https://shop.example/".into(),
        every_ms: 60,
        next_at: EpochMs(100),
        fetched_at: None,
        failure: None,
    };
    let keep = async |watch: &PageWatch| {
        let mut unit = store.begin().await.unwrap();
        unit.save_page_watch(watch).await.unwrap();
        unit.commit().await.unwrap();
    };
    keep(&watch).await;
    assert!(store.pages_due(EpochMs(99), 9).await.unwrap().is_empty());
    assert_eq!(store.pages_due(EpochMs(100), 9).await.unwrap(), [watch.clone()]);
    (watch.next_at, watch.fetched_at, watch.failure) = (EpochMs(160), Some(EpochMs(100)), Some("it is gone".into()));
    keep(&watch).await;
    assert!(store.pages_due(EpochMs(159), 9).await.unwrap().is_empty());
    assert_eq!(store.page_watch(page.id).await.unwrap(), Some(watch));
    let mut unit = store.begin().await.unwrap();
    unit.forget_page_watch(page.id).await.unwrap();
    unit.forget_page_watch(page.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.page_watch(page.id).await.unwrap(), None);
}

/// R15, R21: a question without an answer is collected once, with what a teammate answered to it.
pub async fn a_question_without_an_answer_is_collected_once(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let (case, mut preview) = (conversation(agent.id, inbox, 1), conversation(agent.id, inbox, 2));
    preview.preview = true;
    let said = |case: &_, at, author, reason: Option<Reason>| {
        let mut said = Message { author, text: format!("said at {at}"), ..message(*case, at) };
        said.decision = said
            .decision
            .zip(reason)
            .map(|(decision, reason)| switchboard::domain::turn::Decision { reason, ..decision });
        said.post = Default::default();
        said
    };
    let asked = said(&case.id, 10, Author::Customer, None);
    let mut reply = said(&case.id, 13, Author::Teammate, None);
    reply.post.by = Some("ann".into());
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    unit.insert_conversation(&preview).await.unwrap();
    for message in [
        &asked,
        &said(&case.id, 11, Author::Agent, Some(Reason::NotKnown)),
        &said(&case.id, 12, Author::Draft, Some(Reason::NotKnown)),
        &reply,
        &said(&preview.id, 10, Author::Customer, None),
        &said(&preview.id, 11, Author::Agent, Some(Reason::NotKnown)),
        &said(&case.id, 14, Author::Customer, None),
        &said(&case.id, 15, Author::Agent, Some(Reason::ClearAndLowRisk)),
    ] {
        unit.insert_message(message).await.unwrap();
    }
    unit.commit().await.unwrap();
    let free = store.ungrouped_questions(agent.id, 9).await.unwrap();
    let [question] = &free[..] else { panic!("{free:?}") };
    assert_eq!((question.message, question.text.as_str(), question.conversation), (asked.id, "said at 10", case.id));

    let gap = Gap {
        id: id(),
        agent: agent.id,
        label: "said at 10".into(),
        asked: 1,
        last_at: EpochMs(10),
        state: GapState::Open,
        article: None,
    };
    let mut unit = store.begin().await.unwrap();
    unit.save_gap(&gap).await.unwrap();
    unit.group_question(asked.id, gap.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.ungrouped_questions(agent.id, 9).await.unwrap().is_empty());
    assert_eq!(store.gap_questions(gap.id, 9).await.unwrap(), free);
    let given = store.given_answers(gap.id, 9).await.unwrap();
    assert_eq!((given[0].text.as_str(), given[0].by.as_deref(), given.len()), ("said at 13", Some("ann"), 1));
}

pub async fn the_most_asked_gap_comes_first(store: &dyn Store) {
    let (agent, _) = seeded(store).await;
    let mut gaps = Vec::new();
    let mut unit = store.begin().await.unwrap();
    for asked in [2, 5, 5, 1] {
        let gap = Gap {
            id: id(),
            agent: agent.id,
            label: "why".into(),
            asked,
            last_at: EpochMs(1),
            state: if asked == 1 { GapState::Dismissed } else { GapState::Open },
            article: None,
        };
        unit.save_gap(&gap).await.unwrap();
        gaps.push(gap);
    }
    unit.commit().await.unwrap();
    let open = store.gaps(agent.id, GapState::Open, None, 9).await.unwrap();
    assert_eq!(open, [gaps[2].clone(), gaps[1].clone(), gaps[0].clone()]);
    let after = GapCursor { asked: 5, id: gaps[2].id };
    assert_eq!(store.gaps(agent.id, GapState::Open, Some(after), 1).await.unwrap(), [gaps[1].clone()]);
    assert_eq!(store.gaps(agent.id, GapState::Dismissed, None, 9).await.unwrap(), [gaps[3].clone()]);
    assert_eq!(store.gap(gaps[0].id).await.unwrap(), Some(gaps[0].clone()));
}
