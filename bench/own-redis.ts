import { startRedis } from '../local/redis-server.ts';
import { inOwnFolder } from './own-folder.ts';
import { ServerWatch } from './server-cost.ts';

/** Runs something on an empty Redis in single-node cluster mode that is there for it alone, and is gone afterwards. */
export const onOwnRedis = <T>(work: (url: string, watch: ServerWatch) => Promise<T>): Promise<T> =>
  inOwnFolder(async (dataDir) => {
    const server = await startRedis({ dataDir });
    const watch = new ServerWatch(server.url);
    try {
      return await work(server.url, watch);
    } finally {
      watch.close();
      await server.stop();
    }
  });
