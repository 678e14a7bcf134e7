import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** A server made to seem far away. */
export interface DistantProxy {
  port: number;
  /** Connections since the last time this was asked. */
  takeConnections(): number;
  close(): void;
}

/**
 * Passes connections on to a port of this machine, and what the server sends back one round trip late (ms). The handshake of TCP,
 * which the operating system does by itself, is made up for: what comes first over a new connection waits a round trip longer.
 */
export async function distantProxy(serverPort: number, roundTripMs: number): Promise<DistantProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (client) => {
    connections++;
    const upstream = connect({ port: serverPort, host: '127.0.0.1', noDelay: true });
    const connected = setTimeout(roundTripMs);
    client.on('data', (bytes) => void connected.then(() => upstream.write(bytes)));
    // Timers of one length fire in the order in which they were set, so the bytes stay in order.
    upstream.on('data', (bytes) => void setTimeout(roundTripMs).then(() => client.write(bytes)));
    for (const [socket, other] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    takeConnections() {
      const made = connections;
      connections = 0;
      return made;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
