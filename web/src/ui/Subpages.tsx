import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";

type Tab = { to: LinkProps["to"]; name: string; exact?: boolean };

/** A page with parts: its name, the way between them, and the one that is shown. */
export function Subpages({ title, tabs, children }: { title: string; tabs: Tab[]; children: ReactNode }) {
  return (
    <main className="flex min-h-0 flex-1 flex-col">
      <header className="border-b border-line bg-surface px-4 pt-3 md:px-6">
        <h1 className="text-lg font-semibold">{title}</h1>
        <nav aria-label={title} className="-mx-2.5 mt-1 flex overflow-x-auto [scrollbar-width:none]">
          {tabs.map(({ to, name, exact }) => (
            <Link
              key={to} to={to} activeOptions={{ exact, includeSearch: false }}
              className="tap flex shrink-0 items-center border-b-2 px-2.5 py-1.5 font-medium whitespace-nowrap"
              activeProps={{ className: "border-accent text-accent" }} inactiveProps={{ className: "border-transparent text-soft hover:text-ink" }}
            >{name}</Link>
          ))}
        </nav>
      </header>
      <div className="scroll min-h-0 flex-1" tabIndex={-1}><div className="mx-auto w-full max-w-4xl p-4 md:p-6">{children}</div></div>
    </main>
  );
}
