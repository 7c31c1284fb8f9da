/** Limits concurrent connections, in all and from one address. */
export interface ConnectionLimits {
  /** Returns a release function, or the reason why the connection is refused. */
  take(address: string): (() => void) | 'too_many' | 'too_many_from_address';
  readonly taken: number;
}

export interface ConnectionLimitOptions {
  readonly max: number;
  /** 0: no limit. */
  readonly perAddressMax: number;
}

export function createConnectionLimits({ max, perAddressMax }: ConnectionLimitOptions): ConnectionLimits {
  const byAddress = new Map<string, number>();
  let taken = 0;

  return {
    get taken() {
      return taken;
    },
    take(address) {
      if (taken >= max) return 'too_many';
      const fromThere = byAddress.get(address) ?? 0;
      if (perAddressMax > 0 && fromThere >= perAddressMax) return 'too_many_from_address';
      taken++;
      byAddress.set(address, fromThere + 1);
      let released = false;
      return () => {
        if (released) return;
        released = true;
        taken--;
        const left = byAddress.get(address)! - 1;
        if (left === 0) byAddress.delete(address);
        else byAddress.set(address, left);
      };
    },
  };
}
