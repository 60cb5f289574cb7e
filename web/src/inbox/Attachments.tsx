// Files of a message: what is drawn or played where it stands, and a download of everything.

import type { Attachment } from "@/api/types";
import { Icon } from "@/ui/icons";

const UNITS = ["B", "kB", "MB"] as const;
/** What the server gives to be shown where it stands. */
const DRAWN = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

/** As people read sizes: 7 B, 12 kB, 3.4 MB. */
export function size(bytes: number): string {
  const step = bytes < 1_000 ? 0 : bytes < 1_000_000 ? 1 : 2;
  return `${Number((bytes / 1_000 ** step).toFixed(step === 2 ? 1 : 0))} ${UNITS[step]}`;
}

export function Attachments({ files }: { files: Attachment[] }) {
  if (!files.length) return null;
  return (
    <ul className="mt-1 flex flex-col gap-1.5">
      {files.map(({ id, name, media_type: kind, size_bytes: bytes, url }) => (
        <li key={id} className="min-w-0">
          {DRAWN.test(kind) && <a href={url} target="_blank" rel="noopener noreferrer"><img src={url} alt={name} loading="lazy" className="mb-1 max-h-60 max-w-full rounded-lg border border-line" /></a>}
          {kind.startsWith("audio/") && <audio controls preload="none" src={url} aria-label={name} className="mb-1 max-w-full" />}
          <a href={url} download={name} className="inline-flex min-h-6 max-w-full items-center gap-1.5 text-xs underline underline-offset-2">
            <Icon name="file" size={14} /><span className="truncate">{name}</span><span className="shrink-0 opacity-80">{size(bytes)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
