import { Outlet, useParams } from "@tanstack/react-router";
import { Empty } from "@/ui/basics";
import { ConversationList } from "./ConversationList";
import { ListHead } from "./ListHead";

/** List and thread beside each other; on a telephone one of them. */
export function InboxPage() {
  const chosen = useParams({ strict: false, select: (params) => params.id });
  return (
    <main className="relative flex min-h-0 flex-1">
      <h1 className="sr-only">Inbox</h1>
      <section aria-label="Inbox" className={`flex min-h-0 w-full flex-col border-line bg-surface md:w-80 md:shrink-0 md:border-r xl:w-[23rem] ${chosen ? "max-md:hidden" : ""}`}>
        <ListHead />
        <ConversationList />
      </section>
      <div className={`flex min-h-0 min-w-0 flex-1 ${chosen ? "" : "max-md:hidden"}`}>
        {chosen ? <Outlet /> : <Empty icon="inbox" title="Choose a conversation">What was said, the agent’s reasons and the recording are shown here, live while it goes on. Press <kbd className="font-mono">?</kbd> for the keys.</Empty>}
      </div>
    </main>
  );
}
