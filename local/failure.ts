/** A failure that its reader can act on: the message is one sentence that says what happened and what to do. */
export class Failure extends Error {
  override name = 'Failure';
}

/** The first line of what a thrown value has to say, without its stack. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split('\n', 1)[0] ?? '';
}
