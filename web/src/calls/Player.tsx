// The recording of a call: two lanes, marks, speed; the transcript seeks in it and follows it.

import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useImperativeHandle, useRef, useState } from "react";
import { ask, inWords, playable } from "@/api/client";
import type { Recording } from "@/api/types";
import { Button, span } from "@/ui/basics";
import { type Peaks, peaksOf } from "./wav";

export type Seekable = { seek: (atMs: number) => void };
export type Mark = { atMs: number; name: string; kind: "interruption" | "transfer" };
type Props = { recording: Recording; marks: Mark[]; player: RefObject<Seekable | null>; onPlayed: (atMs: number | null) => void };

const SPEEDS = [1, 1.25, 1.5, 2];
const BUCKETS = 400;
// Beyond this the picture is left out: it would load the whole file for a few dots.
const PICTURE_MS_MAX = 20 * 60_000;
const STEP_S = 5;

export default function Player({ recording, marks, player, onPlayed }: Props) {
  const audio = useRef<HTMLAudioElement>(null);
  const [source, setSource] = useState<string>();
  const [peaks, setPeaks] = useState<Peaks | null>(null);
  const [trouble, setTrouble] = useState("");
  const [playing, setPlaying] = useState(false);
  const [atS, setAtS] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [lengthS, setLengthS] = useState((recording.duration_ms ?? 0) / 1000);
  const { url } = recording;

  useEffect(() => {
    const stop = new AbortController();
    let copy: string | undefined;
    void (async () => {
      try {
        const address = await playable(url);
        if (address !== url) copy = address;
        if (stop.signal.aborted) return;
        setSource(address);
        if ((recording.duration_ms ?? 0) > PICTURE_MS_MAX) return;
        const file = await (await ask(url, { signal: stop.signal })).arrayBuffer();
        const read = peaksOf(file, BUCKETS);
        setPeaks(read);
        if (read) setLengthS(read.durationMs / 1000);
      } catch (error) {
        if (!stop.signal.aborted) setTrouble(`The recording cannot be played. ${inWords(error)}`);
      }
    })();
    return () => {
      stop.abort();
      if (copy) URL.revokeObjectURL(copy);
    };
  }, [url, recording.duration_ms]);

  // Smoothly while it plays; the element itself tells only four times a second.
  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    const beat = () => {
      tell(audio.current?.currentTime ?? 0);
      frame = requestAnimationFrame(beat);
    };
    frame = requestAnimationFrame(beat);
    return () => cancelAnimationFrame(frame);
  });
  useEffect(() => () => onPlayed(null), [onPlayed]);

  function tell(seconds: number) {
    setAtS(seconds);
    onPlayed(recording.started_at_ms + seconds * 1000);
  }
  function seekTo(seconds: number) {
    if (!audio.current) return;
    audio.current.currentTime = Math.min(Math.max(0, seconds), lengthS || seconds);
    tell(audio.current.currentTime);
  }
  function play() {
    audio.current?.play().catch((error: unknown) => setTrouble(`The recording cannot be played. ${inWords(error)}`));
  }
  useImperativeHandle(player, () => ({
    seek: (atMs) => {
      seekTo((atMs - recording.started_at_ms) / 1000);
      play();
    },
  }));
  function pick(event: PointerEvent<HTMLDivElement>) {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    seekTo(((event.clientX - left) / width) * lengthS);
  }
  function onKey(event: KeyboardEvent) {
    const by = { ArrowLeft: -STEP_S, ArrowRight: STEP_S }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    seekTo(atS + by);
  }

  if (trouble) return <p role="alert" className="text-bad">{trouble}</p>;
  const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length]!;
  const share = (ms: number) => (lengthS ? `${Math.min(100, (ms / 1000 / lengthS) * 100)}%` : "0");
  return (
    <div className="flex items-center gap-2.5">
      <audio
        ref={audio} src={source} preload="metadata" onPlay={() => setPlaying(true)} onPause={() => setPlaying(false)}
        onEnded={() => onPlayed(null)} onLoadedMetadata={() => { const length = audio.current!.duration; if (Number.isFinite(length)) setLengthS(length); }}
      />
      <Button look="main" icon={playing ? "pause" : "play"} className="!rounded-full" aria-label={playing ? "Pause" : "Play the recording"} disabled={!source} onClick={() => (playing ? audio.current?.pause() : play())} />
      <div className="min-w-0 flex-1">
        <div
          role="slider" tabIndex={0} aria-label="Place in the recording" aria-valuemin={0} aria-valuemax={Math.round(lengthS)} aria-valuenow={Math.round(atS)} aria-valuetext={`${span(atS * 1000)} of ${span(lengthS * 1000)}`}
          onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); pick(event); }} onPointerMove={(event) => event.buttons && pick(event)} onKeyDown={onKey}
          className="relative h-12 cursor-pointer touch-none overflow-hidden rounded-md bg-sunken"
        >
          {peaks ? <Lanes peaks={peaks} played={lengthS ? atS / lengthS : 0} /> : <span className="absolute inset-x-0 top-1/2 h-px bg-line" />}
          {marks.map(({ atMs, name, kind }) => (
            <span key={`${kind} ${atMs}`} title={name} className={`absolute inset-y-0 w-0.5 ${kind === "transfer" ? "bg-accent" : "bg-warn"}`} style={{ left: share(atMs - recording.started_at_ms) }} />
          ))}
          <span className="absolute inset-y-0 w-px bg-ink" style={{ left: share(atS * 1000) }} />
        </div>
        <p className="mt-1 flex justify-between text-2xs text-soft tabular-nums">
          <span>{span(atS * 1000)}</span>
          <span>above: caller, below: agent{marks.some(({ kind }) => kind === "interruption") && <span className="text-warn"> · interruptions</span>}{marks.some(({ kind }) => kind === "transfer") && <span className="text-accent"> · transfers</span>}</span>
          <span>{span(lengthS * 1000)}</span>
        </p>
      </div>
      <Button small look="quiet" className="w-12 tabular-nums" aria-label={`Speed ${speed}; press for ${next}`} onClick={() => { setSpeed(next); if (audio.current) audio.current.playbackRate = next; }}>{speed}×</Button>
    </div>
  );
}

/** Caller above, agent below; what was played is darker. */
function Lanes({ peaks, played }: { peaks: Peaks; played: number }) {
  const box = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = box.current!;
    const { clientWidth: width, clientHeight: height } = canvas;
    const dots = devicePixelRatio;
    if (canvas.width !== width * dots) [canvas.width, canvas.height] = [width * dots, height * dots];
    const draw = canvas.getContext("2d");
    if (!draw) return;
    draw.setTransform(dots, 0, 0, dots, 0, 0);
    draw.clearRect(0, 0, width, height);
    const style = getComputedStyle(canvas);
    const colors = [style.getPropertyValue("--soft"), style.getPropertyValue("--accent")];
    [peaks.caller, peaks.ours].forEach((lane, at) => {
      const middle = (at + 0.5) * (height / 2);
      draw.fillStyle = colors[at]!;
      lane.forEach((peak, bucket) => {
        const tall = Math.max(1, peak ** 0.6 * (height / 2 - 3));
        draw.globalAlpha = bucket / lane.length <= played ? 1 : 0.45;
        draw.fillRect((bucket / lane.length) * width, middle - tall / 2, Math.max(0.6, width / lane.length - 0.6), tall);
      });
    });
  }, [peaks, played]);
  return <canvas ref={box} className="absolute inset-0 size-full" aria-hidden="true" />;
}
