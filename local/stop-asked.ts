/** One Ctrl-C arrives twice at once, from the terminal and from npm. */
const SAME_ASK_MS = 300;
/** More than all parts of a stop may take together; a start that is stopped may be in the middle of a download. */
const STOP_TIMEOUT_MS = 20_000;

/**
 * Lets Ctrl-C, SIGTERM and SIGHUP stop this program in its own way. Whoever asks again does not want to wait: then, and when
 * stopping takes longer than 20 s, the process ends at once with code 1. What it started notices that it is gone.
 * @param stop begins to stop; called once
 * @param abandon what still has to be done at once; it can't wait for anything
 */
export function onStopAsked(stop: () => void, abandon: () => void = () => {}): void {
  let asked = false;
  let mayAskAgain = false;
  const endNow = (): void => {
    try {
      abandon();
    } finally {
      process.exit(1);
    }
  };
  const ask = (): void => {
    if (mayAskAgain) return endNow();
    if (asked) return;
    asked = true;
    setTimeout(endNow, STOP_TIMEOUT_MS).unref();
    // After what has arrived while this process was too busy to look.
    setTimeout(() => setImmediate(() => (mayAskAgain = true)), SAME_ASK_MS).unref();
    stop();
  };
  process.on('SIGINT', ask).on('SIGTERM', ask).on('SIGHUP', ask);
}
