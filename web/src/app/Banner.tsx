// What everybody should know at once: no account yet, a broken line, a desk that takes no calls.

import { useQuery } from "@tanstack/react-query";
import { useLine } from "@/live/LiveProvider";
import { useMe } from "@/session/session";

type Health = { status: "ready" | "starting" | "draining" | string; missing?: { part: string; why: string }[] };

async function health(): Promise<Health | null> {
  // It answers 503 with the same form while it takes no calls.
  return fetch("/health", { cache: "no-store" }).then((answer) => answer.json() as Promise<Health>).catch(() => null);
}

export function Banner() {
  const me = useMe();
  const line = useLine();
  const { data } = useQuery({ queryKey: ["health"], queryFn: health, refetchInterval: 15_000 });
  const missing = data?.missing?.map(({ part, why }) => `${part}: ${why}`).join("; ");
  return (
    <>
      {line === "reconnecting" && <p role="status" className="bg-warn-bg px-4 py-1.5 text-warn">The line to the server is broken; trying again. What you see may be old.</p>}
      {data && data.status !== "ready" && (
        <p role="status" className="bg-warn-bg px-4 py-1.5 text-warn">
          {data.status === "draining" ? "The server is ending: no further calls are taken." : `No calls are taken at present. ${missing ?? ""}`}
        </p>
      )}
      {!me.account && (
        <p className="border-b border-line bg-tint px-4 py-1.5">
          Nobody has an account yet, so whoever sits at this machine may do everything. Open the <b>Accounts</b> link that
          the server printed when it began, to make the first one.
        </p>
      )}
    </>
  );
}
