// The addresses of the console.

import { createRootRoute, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";
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

const tree = root.addChildren([
  signIn,
  frame.addChildren([
    home,
    support.addChildren([thread]),
  ]),
]);

export const makeRouter = () => createRouter({ routeTree: tree, defaultPreload: "intent" });

declare module "@tanstack/react-router" {
  interface Register { router: ReturnType<typeof makeRouter> }
}
