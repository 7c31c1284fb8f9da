/** The beginning of a stream of a real server, word for word. A test holds its events against their schemas. */
export const STREAM_EXAMPLE = `retry: 1659

id: 3.1
event: snapshot
data: {"serverTime":"2026-11-22T21:46:00.742Z","products":[{"productId":3,"available":100,"version":1,"state":"open","priceMinor":199999,"currency":"USD","opensAt":null,"closesAt":null}],"orders":[]}

id: 3.2
event: stock.changed
data: {"productId":3,"available":99,"version":2,"state":"open","priceMinor":199999,"currency":"USD","opensAt":null,"closesAt":null,"serverTime":"2026-11-22T21:46:01.253Z"}

`;
