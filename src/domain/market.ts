/** Where the property stands, apart from its advertisement. */
export const MARKET_STATUSES = ['active', 'reserved', 'sold', 'rented', 'archived'] as const;
export type MarketStatus = (typeof MARKET_STATUSES)[number];

export const MARKET_STATUS_LABELS: Record<MarketStatus, string> = {
  active: 'свободен',
  reserved: 'забронирован',
  sold: 'продан',
  rented: 'сдан',
  archived: 'в архиве',
};
