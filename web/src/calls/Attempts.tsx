import type { Attempt } from "@/api/types";
import { ATTEMPT } from "@/inbox/words";
import { Pill, Since, span } from "@/ui/basics";
import { exact } from "@/ui/time";

/** Whom the agent tried to reach, as it happens. */
export function Attempts({ attempts }: { attempts: Attempt[] }) {
  return (
    <section>
      <h3 className="heading mb-1.5">Tries to reach a person</h3>
      <ol className="flex flex-col gap-2 border-l-2 border-line pl-3">
        {attempts.map((one) => {
          const [word, tone] = one.outcome ? ATTEMPT[one.outcome] : (["Ringing", "accent"] as const);
          return (
            <li key={one.id}>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium" title={one.destination}>{one.destination}</span>
                <span className={one.outcome ? "" : "pulse"}><Pill tone={tone}>{word}</Pill></span>
              </p>
              <p className="text-xs text-soft tabular-nums">
                {exact.format(one.started_at_ms)}
                {one.outcome == null ? <> · for <Since ms={one.started_at_ms} /></> : one.ring_ms != null && ` · rang ${span(one.ring_ms)}`}
              </p>
              {one.said && <p className="mt-0.5 text-xs text-soft">Told: “{one.said}”</p>}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
