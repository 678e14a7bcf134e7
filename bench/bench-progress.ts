import { SingleBar } from 'cli-progress';

interface View {
  show: (what: string, done: number, total: number) => void;
  stop: () => void;
}

const LINE_INTERVAL_MS = 5000;

/** A bar where a person looks on, else a line every few seconds; on standard error. */
export function showProgress(title: string, stream: NodeJS.WriteStream = process.stderr): View {
  if (!stream.isTTY) {
    let nextAt = 0;
    return {
      show(what, done, total) {
        if (performance.now() < nextAt) return;
        nextAt = performance.now() + LINE_INTERVAL_MS;
        stream.write(`${title}: ${what}, ${Math.round((done / total) * 100)} %\n`);
      },
      stop() {},
    };
  }
  const bar = new SingleBar({ stream, hideCursor: true, gracefulExit: false, format: `${title} {bar} {percentage} % {what}`, barsize: 30 });
  bar.start(1, 0, { what: '' });
  return {
    show(what, done, total) {
      bar.setTotal(total);
      bar.update(done, { what });
    },
    stop: () => bar.stop(),
  };
}
