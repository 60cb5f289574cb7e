import { type ReactNode, useState } from "react";
import { Button } from "@/ui/basics";
import { Buttons, Dialog } from "@/ui/Dialog";

/** Something that is shown once, to be copied. */
export function Secret({ title, text, children, onClose }: { title: string; text: string; children: ReactNode; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  // Only pages by HTTPS or on this machine may write to the clipboard; elsewhere one selects.
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setCopied(true), () => {});
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="text-pretty">{children}</p>
      <p className="mt-3 rounded-md bg-sunken p-3 font-mono text-xs [overflow-wrap:anywhere] select-all">{text}</p>
      <Buttons>{"clipboard" in navigator && <Button icon={copied ? "check" : "file"} onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}<Button look="main" onClick={onClose}>Done</Button></Buttons>
    </Dialog>
  );
}
