// The pages of the knowledge, loaded together once one of them is wanted.
export { ArticlePage, NewArticlePage } from "./ArticlePage";
export { Articles } from "./Articles";
export { Gaps } from "./Gaps";
export { TryIt } from "./TryIt";
