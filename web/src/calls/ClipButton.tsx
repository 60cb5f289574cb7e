// Plays how something was said, out of the call's recording. One clip at a time.

import { useEffect, useState } from "react";
import { inWords, playable } from "@/api/client";
import type { Clip } from "@/api/types";
import { Button } from "@/ui/basics";
import { useSay } from "@/ui/toasts";

let stopLast: (() => void) | null = null;

export function ClipButton({ clip, name }: { clip: Clip; name: string }) {
  const [audio, setAudio] = useState<HTMLAudioElement | null>(null);
  const say = useSay();
  useEffect(() => () => audio?.pause(), [audio]);
  async function press() {
    stopLast?.();
    if (audio) return;
    try {
      const sound = new Audio(`${await playable(clip.recording_url)}#t=${clip.from_ms / 1000}`);
      const end = () => { sound.pause(); setAudio(null); if (stopLast === end) stopLast = null; };
      sound.ontimeupdate = () => { if (sound.currentTime >= clip.to_ms / 1000) end(); };
      sound.onended = end;
      stopLast = end;
      setAudio(sound);
      await sound.play();
    } catch (error) {
      setAudio(null);
      say.fail(new Error(`The recording cannot be played. ${inWords(error)}`));
    }
  }
  return <Button small look="quiet" icon={audio ? "pause" : "play"} aria-label={audio ? "Stop" : `Listen to how “${name}” was said`} title="Listen" onClick={() => void press()} />;
}
