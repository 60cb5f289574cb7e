//! Articles, watched pages and gaps in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::memory_store::{MemoryStore, MemoryUnit};
use crate::domain::article::Article;
use crate::domain::conversation::{Author, Message};
use crate::domain::gap::{Gap, GapQuestion, GapState, GivenAnswer};
use crate::domain::ids::{AgentId, ArticleId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::knowledge_store::{ArticleFilter, GapCursor, KnowledgeChanges, KnowledgeReads, PageWatch};
use crate::seams::store::StoreError;

/// A question and the gap it was put into.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) agent: AgentId,
    pub(super) question: GapQuestion,
    pub(super) gap: Option<Uuid>,
}

#[async_trait]
impl KnowledgeReads for MemoryStore {
    async fn articles(
        &self,
        agent: AgentId,
        filter: &ArticleFilter,
        after: Option<ArticleId>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        let rows = self.rows();
        let newest = rows.articles.values().rev().filter_map(|revisions| revisions.last());
        let shown = newest.filter(|article| {
            article.agent == agent
                && article.deleted == filter.deleted
                && filter.kind.is_none_or(|kind| kind == article.content.kind)
                && after.is_none_or(|after| article.id < after)
        });
        Ok(shown.take(limit as usize).cloned().collect())
    }

    async fn article(&self, id: ArticleId) -> Result<Option<Article>, StoreError> {
        Ok(self.rows().articles.get(&id).and_then(|revisions| revisions.last()).cloned())
    }

    async fn article_revisions(
        &self,
        id: ArticleId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        let rows = self.rows();
        let of = rows.articles.get(&id).into_iter().flatten().rev();
        let earlier = of.filter(|article| before.is_none_or(|before| article.revision < before));
        Ok(earlier.take(limit as usize).cloned().collect())
    }

    async fn article_revision(&self, id: ArticleId, revision: u64) -> Result<Option<Article>, StoreError> {
        let rows = self.rows();
        Ok(rows.articles.get(&id).into_iter().flatten().find(|article| article.revision == revision).cloned())
    }

    async fn page_watch(&self, article: ArticleId) -> Result<Option<PageWatch>, StoreError> {
        Ok(self.rows().watches.get(&article).cloned())
    }

    async fn pages_due(&self, now: EpochMs, limit: u32) -> Result<Vec<PageWatch>, StoreError> {
        let mut due: Vec<_> = self.rows().watches.values().filter(|watch| watch.next_at <= now).cloned().collect();
        due.sort_by_key(|watch| (watch.next_at, watch.article));
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn gaps(
        &self,
        agent: AgentId,
        state: GapState,
        after: Option<GapCursor>,
        limit: u32,
    ) -> Result<Vec<Gap>, StoreError> {
        let of = |gap: &&Gap| {
            gap.agent == agent
                && gap.state == state
                && after.is_none_or(|after| (gap.asked, gap.id) < (after.asked, after.id))
        };
        let mut gaps: Vec<_> = self.rows().gaps.values().filter(of).cloned().collect();
        gaps.sort_by_key(|gap| std::cmp::Reverse((gap.asked, gap.id)));
        gaps.truncate(limit as usize);
        Ok(gaps)
    }

    async fn gap(&self, id: Uuid) -> Result<Option<Gap>, StoreError> {
        Ok(self.rows().gaps.get(&id).cloned())
    }

    async fn gap_questions(&self, gap: Uuid, limit: u32) -> Result<Vec<GapQuestion>, StoreError> {
        let rows = self.rows();
        let of = rows.asked.values().filter(|asked| asked.gap == Some(gap));
        let mut questions: Vec<_> = of.map(|asked| asked.question.clone()).collect();
        questions.sort_by_key(|question| std::cmp::Reverse((question.at, question.message)));
        questions.truncate(limit as usize);
        Ok(questions)
    }

    async fn ungrouped_questions(&self, agent: AgentId, limit: u32) -> Result<Vec<GapQuestion>, StoreError> {
        let rows = self.rows();
        let free = rows.asked.values().filter(|asked| asked.agent == agent && asked.gap.is_none());
        let mut questions: Vec<_> = free.map(|asked| asked.question.clone()).collect();
        questions.sort_by_key(|question| (question.at, question.message));
        questions.truncate(limit as usize);
        Ok(questions)
    }

    async fn given_answers(&self, gap: Uuid, limit: u32) -> Result<Vec<GivenAnswer>, StoreError> {
        let rows = self.rows();
        let answer = |asked: &super::memory_knowledge::Asked| {
            let question = &asked.question;
            let given = |m: &&Message| {
                m.conversation == question.conversation
                    && (m.at, m.id) > (question.at, question.message)
                    && matches!(m.author, Author::Teammate | Author::Agent)
                    && m.post.by.is_some()
            };
            let message = rows.messages.values().filter(given).min_by_key(|m| (m.at, m.id))?;
            Some(GivenAnswer {
                message: message.id,
                conversation: message.conversation,
                question: question.text.clone(),
                text: message.text.clone(),
                by: message.post.by.clone(),
                at: message.at,
            })
        };
        let mut given: Vec<_> = rows.asked.values().filter(|a| a.gap == Some(gap)).filter_map(answer).collect();
        given.sort_by_key(|answer| std::cmp::Reverse((answer.at, answer.message)));
        given.truncate(limit as usize);
        Ok(given)
    }
}

#[async_trait]
impl KnowledgeChanges for MemoryUnit {
    async fn save_article(&mut self, article: &Article) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&article.agent))?;
        let revisions = self.draft.articles.get(&article.id).map_or(0, |revisions| revisions.len() as u64);
        self.needs_new(revisions + 1 != article.revision)?;
        self.draft.articles.entry(article.id).or_default().push(article.clone());
        Ok(())
    }

    async fn save_page_watch(&mut self, watch: &PageWatch) -> Result<(), StoreError> {
        self.needs(self.draft.articles.contains_key(&watch.article))?;
        self.draft.watches.insert(watch.article, watch.clone());
        Ok(())
    }

    async fn forget_page_watch(&mut self, article: ArticleId) -> Result<(), StoreError> {
        self.needs(true)?;
        self.draft.watches.remove(&article);
        Ok(())
    }

    async fn save_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&gap.agent))?;
        self.draft.gaps.insert(gap.id, gap.clone());
        Ok(())
    }

    async fn group_question(&mut self, message: MessageId, gap: Uuid) -> Result<(), StoreError> {
        self.needs(self.draft.asked.contains_key(&message))?;
        self.draft.asked.entry(message).and_modify(|asked| asked.gap = Some(gap));
        Ok(())
    }
}

impl MemoryUnit {
    /// The customer's words before a message that tells of a gap.
    pub(super) fn collect_gap(&mut self, message: &Message) {
        let gap = message.decision.as_ref().is_some_and(|decision| decision.leaves_a_gap());
        let Some(conversation) = self.draft.conversations.get(&message.conversation) else { return };
        if !gap || conversation.preview {
            return;
        }
        let agent = conversation.agent;
        let before = |m: &&Message| {
            m.conversation == message.conversation
                && m.author == Author::Customer
                && (m.at, m.id) < (message.at, message.id)
        };
        let Some(asked) = self.draft.messages.values().filter(before).max_by_key(|m| (m.at, m.id)) else { return };
        let question =
            GapQuestion { message: asked.id, conversation: asked.conversation, text: asked.text.clone(), at: asked.at };
        self.draft.asked.entry(question.message).or_insert(Asked { agent, question, gap: None });
    }
}
