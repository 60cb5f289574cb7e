import type { ReactNode } from "react";
import { Mark } from "@/ui/icons";

/** The form that stands before the console. */
export function Gate({ title, lead, children }: { title: string; lead?: ReactNode; children: ReactNode }) {
  return (
    <main className="scroll grid h-dvh place-items-center p-4">
      <div className="card w-full max-w-sm p-6 shadow-sm">
        <Mark size={36} />
        <h1 className="mt-4 text-xl font-semibold">{title}</h1>
        {lead && <p className="mt-1.5 text-soft text-pretty">{lead}</p>}
        <div className="mt-5">{children}</div>
      </div>
    </main>
  );
}
