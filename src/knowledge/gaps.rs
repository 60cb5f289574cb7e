//! Questions without a good answer, grouped by what they mean, and the articles made of them.
//!
//! The store collects them as they happen; here each is put into the group whose first question is nearest. Groups
//! that were dismissed keep counting in silence; a question like one that was answered begins a new group, since the
//! answer did not help.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::{Library, LibraryError};
use crate::domain::article::{Article, Content, Origin, QUESTION_CHARS_MAX};
use crate::domain::gap::{Gap, GapQuestion, GapState, GivenAnswer};
use crate::domain::ids::ArticleId;
use crate::seams::knowledge_store::GapCursor;
use crate::seams::store::StoreError;
use crate::support::index::{Vector, dot};
use crate::support::text;

/// What is remembered of groups' first questions, so that each is understood once.
pub(super) type Groups = HashMap<Uuid, Meaning>;

/// A question by direction and by words.
#[derive(Clone)]
pub(super) struct Meaning {
    vector: Option<Vector>,
    stems: BTreeSet<String>,
}

/// A gap with what is known about it.
pub struct GapView {
    /// The group.
    pub gap: Gap,
    /// Its newest questions, each wording once.
    pub examples: Vec<GapQuestion>,
    /// What teammates answered, the newest first.
    pub answers: Vec<GivenAnswer>,
}

impl Meaning {
    fn nearness(&self, other: &Meaning) -> f32 {
        match (&self.vector, &other.vector) {
            (Some(one), Some(other)) => dot(one, other),
            _ => {
                let common = self.stems.intersection(&other.stems).count() as f32;
                common / (self.stems.union(&other.stems).count().max(1)) as f32
            }
        }
    }
}

impl Library {
    /// Puts questions that came since into groups; tells how many it looked at.
    pub async fn group_questions(self: &Arc<Self>) -> Result<usize, LibraryError> {
        let mut known = self.grouping.lock().await;
        let fresh = self.parts.store.ungrouped_questions(self.parts.agent, GROUPED_AT_ONCE).await?;
        if fresh.is_empty() {
            return Ok(0);
        }
        let mut gaps = Vec::new();
        for state in [GapState::Open, GapState::Dismissed] {
            gaps.extend(self.parts.store.gaps(self.parts.agent, state, None, GROUPS_MAX).await?);
        }
        known.retain(|id, _| gaps.iter().any(|gap| gap.id == *id));
        let unknown = gaps.iter().filter(|gap| !known.contains_key(&gap.id));
        let texts = unknown.map(|gap| gap.label.clone()).chain(fresh.iter().map(|question| question.text.clone()));
        let meanings = self.meanings(texts.collect()).await?;
        for gap in &gaps {
            if let Some(meaning) = meanings.get(&gap.label) {
                known.entry(gap.id).or_insert_with(|| meaning.clone());
            }
        }
        let mut work = self.parts.store.begin().await?;
        let mut changed: BTreeSet<Uuid> = BTreeSet::new();
        for question in &fresh {
            let Some(meaning) = meanings.get(&question.text) else { continue };
            let nearest = gaps.iter_mut().filter_map(|gap| Some((known.get(&gap.id)?.nearness(meaning), gap)));
            let nearest = nearest.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|near| near.0 >= SAME_MEANING);
            let id = match nearest {
                Some((_, gap)) => {
                    gap.asked += 1;
                    gap.last_at = gap.last_at.max(question.at);
                    gap.id
                }
                None => {
                    let gap = self.begun(question);
                    known.insert(gap.id, meaning.clone());
                    gaps.push(gap);
                    gaps[gaps.len() - 1].id
                }
            };
            changed.insert(id);
            work.group_question(question.message, id).await?;
        }
        for gap in gaps.iter().filter(|gap| changed.contains(&gap.id)) {
            work.save_gap(gap).await?;
        }
        work.commit().await?;
        Ok(fresh.len())
    }

    /// Gaps of one state with examples and given answers, the most asked first.
    pub async fn gaps(
        self: &Arc<Self>,
        state: GapState,
        after: Option<GapCursor>,
        limit: u32,
    ) -> Result<Vec<GapView>, LibraryError> {
        self.group_questions().await?;
        let mut views = Vec::new();
        for gap in self.parts.store.gaps(self.parts.agent, state, after, limit).await? {
            views.push(self.view(gap).await?);
        }
        Ok(views)
    }

    /// One gap.
    pub async fn gap(&self, id: Uuid) -> Result<GapView, LibraryError> {
        let gap = self.parts.store.gap(id).await?.filter(|gap| gap.agent == self.parts.agent);
        self.view(gap.ok_or(LibraryError::NotFound("gap"))?).await
    }

    /// Open gaps to which teammates have answered: each answer can become an article as it stands.
    pub async fn proposals(self: &Arc<Self>) -> Result<Vec<GapView>, LibraryError> {
        let mut open = self.gaps(GapState::Open, None, PROPOSALS_LOOKED_AT).await?;
        open.retain(|view| !view.answers.is_empty());
        Ok(open)
    }

    /// Writes the missing article: its questions are asked for by the gap's own words, and the gap is closed.
    pub async fn answer_gap(
        self: &Arc<Self>,
        id: Uuid,
        mut content: Content,
        by: &str,
    ) -> Result<Article, LibraryError> {
        let view = self.gap(id).await?;
        if view.gap.state == GapState::Answered {
            return Err(LibraryError::Unfit("This gap was answered already; edit its article instead.".into()));
        }
        if content.title.trim().is_empty() {
            content.title = short(&view.gap.label);
        }
        for example in &view.examples {
            let question = short(&example.text);
            let known = |known: &String| known.eq_ignore_ascii_case(&question);
            if !known(&content.title) && !content.questions.iter().any(known) {
                content.questions.push(question);
            }
        }
        let article = self.fresh(content, Origin::Written, by)?;
        let mut work = self.parts.store.begin().await?;
        self.write(&mut *work, &article).await?;
        work.save_gap(&Gap { state: GapState::Answered, article: Some(article.id), ..view.gap }).await?;
        work.commit().await?;
        self.publish().await?;
        Ok(article)
    }

    /// Says that a gap needs no article, or after all.
    pub async fn set_gap(&self, id: Uuid, dismissed: bool) -> Result<GapView, LibraryError> {
        let view = self.gap(id).await?;
        let state = match (view.gap.state, dismissed) {
            (GapState::Answered, _) => {
                return Err(LibraryError::Unfit("This gap was answered by an article.".into()));
            }
            (_, true) => GapState::Dismissed,
            (_, false) => GapState::Open,
        };
        let gap = Gap { state, ..view.gap };
        let mut work = self.parts.store.begin().await?;
        work.save_gap(&gap).await?;
        work.commit().await?;
        Ok(GapView { gap, ..view })
    }

    async fn view(&self, gap: Gap) -> Result<GapView, LibraryError> {
        let mut examples = self.parts.store.gap_questions(gap.id, EXAMPLES_READ).await?;
        let mut seen = BTreeSet::new();
        examples.retain(|question| seen.insert(question.text.trim().to_lowercase()));
        examples.truncate(EXAMPLES_SHOWN);
        let answers = self.parts.store.given_answers(gap.id, ANSWERS_SHOWN).await?;
        Ok(GapView { gap, examples, answers })
    }

    fn begun(&self, question: &GapQuestion) -> Gap {
        Gap {
            id: self.parts.ids.next(),
            agent: self.parts.agent,
            label: question.text.clone(),
            asked: 1,
            last_at: question.at,
            state: GapState::Open,
            article: None::<ArticleId>,
        }
    }

    async fn meanings(&self, texts: Vec<String>) -> Result<HashMap<String, Meaning>, LibraryError> {
        let desk = self.parts.desk.clone();
        let understood = tokio::task::spawn_blocking(move || {
            let meaning = |text: String| {
                let vector = if desk.has_embedder() { desk.vector(&text) } else { None };
                let stems = text::content_stems(&text).into_iter().collect();
                (text, Meaning { vector, stems })
            };
            texts.into_iter().map(meaning).collect()
        });
        understood.await.map_err(|error| StoreError::Backend(Box::new(error)).into())
    }
}

fn short(text: &str) -> String {
    text.trim().chars().take(QUESTION_CHARS_MAX).collect()
}

/// Cosine (or share of common words) from which two questions mean the same. Lower throws different ones together,
/// higher shows the same one twice; a teammate sees examples of each group either way.
const SAME_MEANING: f32 = 0.6;
/// Questions grouped in one go: about a second of the model.
const GROUPED_AT_ONCE: u32 = 100;
/// Groups that are compared with; those asked least often are not found again beyond it.
const GROUPS_MAX: u32 = 1_000;
/// Questions of a group that are read for its examples.
const EXAMPLES_READ: u32 = 50;
/// Examples of a group.
const EXAMPLES_SHOWN: usize = 10;
/// Given answers of a group.
const ANSWERS_SHOWN: u32 = 5;
/// Gaps that are looked through for given answers.
const PROPOSALS_LOOKED_AT: u32 = 200;
