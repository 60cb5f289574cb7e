// The addresses of the console.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { Frame } from "@/app/Frame";
import { Missing } from "@/app/Missing";
import { InboxPage } from "@/inbox/InboxPage";
import { type InboxSearch, inboxSearch } from "@/inbox/filters";
import { ThreadPane } from "@/inbox/ThreadPane";
import { SignInPage } from "@/session/SignInPage";

const root = createRootRoute({ component: Outlet, notFoundComponent: Missing });

const signIn = createRoute({
  getParentRoute: () => root, path: "/sign-in", component: SignInPage,
  validateSearch: (search: Record<string, unknown>): { to?: string } => (typeof search["to"] === "string" ? { to: search["to"] } : {}),
});
const frame = createRoute({ getParentRoute: () => root, id: "frame", component: Frame });
const home = createRoute({ getParentRoute: () => frame, path: "/", beforeLoad: () => { throw redirect({ to: "/support" }); } });

const support = createRoute({
  getParentRoute: () => frame, path: "/support", component: InboxPage,
  validateSearch: (search: Record<string, unknown>): InboxSearch => inboxSearch(search),
});
const thread = createRoute({ getParentRoute: () => support, path: "$id", component: ThreadPane });

const knowledge = createRoute({
  getParentRoute: () => frame, path: "/knowledge",
  component: lazyRouteComponent(() => import("@/knowledge/KnowledgePage"), "KnowledgePage"),
});
const knowledgePart = <P extends string>(path: P, component: "Articles" | "ArticlePage" | "NewArticlePage" | "Gaps" | "TryIt") =>
  createRoute({ getParentRoute: () => knowledge, path, component: lazyRouteComponent(() => import("@/knowledge/pages"), component) });

const settings = createRoute({
  getParentRoute: () => frame, path: "/settings",
  component: lazyRouteComponent(() => import("@/settings/SettingsPage"), "SettingsPage"),
});
const settingsPart = <P extends string>(path: P, component: "Account" | "Escalation" | "Team" | "Tokens" | "Audit" | "Overview") =>
  createRoute({ getParentRoute: () => settings, path, component: lazyRouteComponent(() => import("@/settings/pages"), component) });

const tree = root.addChildren([
  signIn,
  frame.addChildren([
    home,
    support.addChildren([thread]),
    knowledge.addChildren([
      knowledgePart("/", "Articles"), knowledgePart("/new", "NewArticlePage"), knowledgePart("/articles/$id", "ArticlePage"),
      knowledgePart("/gaps", "Gaps"), knowledgePart("/try", "TryIt"),
    ]),
    settings.addChildren([
      settingsPart("/", "Overview"), settingsPart("/account", "Account"), settingsPart("/escalation", "Escalation"),
      settingsPart("/team", "Team"), settingsPart("/tokens", "Tokens"), settingsPart("/audit", "Audit"),
    ]),
  ]),
]);

export const makeRouter = () => createRouter({ routeTree: tree, defaultPreload: "intent" });

declare module "@tanstack/react-router" {
  interface Register { router: ReturnType<typeof makeRouter> }
}
