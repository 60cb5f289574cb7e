import { useState } from "react";
import { Field } from "@/ui/basics";
import { useFault } from "./faults";
import { lines } from "./lists";

type Props = { label: string; hint?: string; placeholder?: string; value: string[]; at: string; disabled?: boolean; onChange: (value: string[]) => void };

/** A list of short texts, one on each line. */
export function LinesField({ label, hint, placeholder, value, at, disabled, onChange }: Props) {
  // As it is typed: an empty line at the end is on its way to become one.
  const [text, setText] = useState(value.join("\n"));
  const error = useFault(at, true);
  return (
    <Field label={label} hint={hint} error={error}>
      {(ids) => (
        <textarea
          {...ids} className="input field-sizing-content md:min-h-9" placeholder={placeholder} disabled={disabled}
          value={lines(text).join("\n") === value.join("\n") ? text : value.join("\n")}
          onChange={(event) => { setText(event.target.value); onChange(lines(event.target.value)); }}
        />
      )}
    </Field>
  );
}
