/** How many may watch at once, in all and from one address. */
export interface Seats {
  /** A function that gives the seat back, or why there is none. */
  take(address: string): (() => void) | 'house_full' | 'address_full';
  readonly taken: number;
}

export interface SeatLimits {
  readonly max: number;
  /** 0: no limit. */
  readonly perAddressMax: number;
}

export function createSeats({ max, perAddressMax }: SeatLimits): Seats {
  const byAddress = new Map<string, number>();
  let taken = 0;

  return {
    get taken() {
      return taken;
    },
    take(address) {
      if (taken >= max) return 'house_full';
      const fromThere = byAddress.get(address) ?? 0;
      if (perAddressMax > 0 && fromThere >= perAddressMax) return 'address_full';
      taken++;
      byAddress.set(address, fromThere + 1);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        taken--;
        const left = byAddress.get(address)! - 1;
        if (left === 0) byAddress.delete(address);
        else byAddress.set(address, left);
      };
    },
  };
}
