// Reads what a recording looks like from its WAV file (RIFF, PCM of 16 bits): left the caller, right all we said.

export type Peaks = { caller: Float32Array; ours: Float32Array; durationMs: number };

/** The loudest sample of each of `buckets` pieces, per side, from 0 to 1; `null` for files of another form. */
export function peaksOf(file: ArrayBuffer, buckets: number): Peaks | null {
  const view = new DataView(file);
  const word = (at: number) => String.fromCharCode(...new Uint8Array(file, at, 4));
  if (file.byteLength < 44 || word(0) !== "RIFF" || word(8) !== "WAVE") return null;
  let [channels, rate, bits] = [0, 0, 0];
  for (let at = 12; at + 8 <= file.byteLength;) {
    const [name, length] = [word(at), view.getUint32(at + 4, true)];
    if (name === "fmt ") {
      channels = view.getUint16(at + 10, true);
      rate = view.getUint32(at + 12, true);
      bits = view.getUint16(at + 22, true);
    }
    if (name === "data") {
      if (bits !== 16 || !channels || !rate) return null;
      // A header that was not completed names more than there is.
      const bytes = Math.min(length, file.byteLength - at - 8);
      return measured(new Int16Array(file.slice(at + 8, at + 8 + (bytes & ~1))), channels, rate, buckets);
    }
    at += 8 + length + (length & 1);
  }
  return null;
}

function measured(samples: Int16Array, channels: number, rate: number, buckets: number): Peaks {
  const frames = Math.floor(samples.length / channels);
  const caller = new Float32Array(buckets);
  const ours = new Float32Array(buckets);
  const right = channels > 1 ? 1 : 0;
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const [from, to] = [Math.floor((bucket * frames) / buckets), Math.floor(((bucket + 1) * frames) / buckets)];
    // Every few samples are enough for a picture.
    const step = Math.max(1, Math.floor((to - from) / 200));
    let [a, b] = [0, 0];
    for (let frame = from; frame < to; frame += step) {
      a = Math.max(a, Math.abs(samples[frame * channels]!));
      b = Math.max(b, Math.abs(samples[frame * channels + right]!));
    }
    caller[bucket] = a / 32_768;
    ours[bucket] = b / 32_768;
  }
  return { caller, ours, durationMs: (frames / rate) * 1000 };
}
