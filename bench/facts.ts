/** The states that the API names. */
export type Status = 'WAITING' | 'PROCESSING' | 'COMPLETED' | 'FAILED' | 'NOT_IN_QUEUE';

/** What one phone did and saw. Times are ms since the crowd was let in. */
export interface PhoneFacts {
  readonly userId: string;
  /**
   * How its join ended: in line (or known already), sold out at the door, refused with an answer that no phone can mend by trying
   * again, or never answered.
   */
  outcome: 'JOINED' | 'TURNED_AWAY' | 'REFUSED' | 'UNANSWERED';
  /** Why it was refused, or what its last attempt to join came to. */
  trouble: string | undefined;
  attempts: number;
  /** When its first attempt to join went out; the user can't have arrived before. */
  sentAtMs: number | undefined;
  /** When the answer to its join was in; the user can't have arrived after. */
  answeredAtMs: number | undefined;
  /** The newest state it was told, and the place in line if WAITING, else 0. */
  status: Status | undefined;
  position: number;
  /** When it was last told anything. */
  lastSeenAtMs: number | undefined;
  /** The first thing it saw that must never happen. */
  violation: string | undefined;
}

/** A phone that has not joined yet. */
export const newPhone = (userId: string): PhoneFacts => ({
  userId,
  outcome: 'UNANSWERED',
  trouble: undefined,
  attempts: 0,
  sentAtMs: undefined,
  answeredAtMs: undefined,
  status: undefined,
  position: 0,
  lastSeenAtMs: undefined,
  violation: undefined,
});

/** What GET /info answers. */
export interface InfoFacts {
  currentStock: number;
  queueSize: number;
  processingCount: number;
  initialStock: number;
  completedCount: number;
  failedCount: number;
  state: string;
}

/** What Redis holds of the promotion. */
export interface RedisFacts {
  stock: number;
  initialStock: number;
  /** User ids in line, and in the line that is being swept. */
  line: string[];
  soldOutLine: string[];
  processing: string[];
  leases: string[];
  /** User → ticket, of everyone who ever joined. */
  tickets: Map<string, number>;
  /** User → status as written, null if none; of everyone with a ticket and of every phone. */
  statuses: Map<string, string | null>;
}

/** All that is known once a rush is over. */
export interface RushFacts {
  /** The stock that the promotion was opened with. */
  stock: number;
  phones: readonly PhoneFacts[];
  info: InfoFacts;
  /** Null where Redis can't be reached. */
  redis: RedisFacts | null;
}
