import Base

/// The timers of a table whose elements may come and go much faster than their deadlines, such as sessions that are deleted at
/// once but could have lived for an hour. A slot keeps its pending timer when its element leaves, and the next element takes it
/// over, so the heap holds one entry for each slot and not one for each element that ever was.
struct SlotTimers {
    private struct Entry {
        var key: SlotKey
        /// Of the slot's newest entry in the heap; older ones are ignored when they fire.
        var armed: Instant
    }

    /// By slot. Bound: the table's capacity.
    private var entries: [Entry?] = []

    /// `key` wants to be looked at, at `deadline`. True if the caller must add a timer then; false if one that is due earlier is
    /// pending.
    mutating func arm(_ key: SlotKey, at deadline: Instant) -> Bool {
        let slot = Int(key.slot)
        while self.entries.count <= slot { self.entries.append(nil) }
        let isSooner = deadline < self.entries[slot]?.armed ?? .distantFuture
        self.entries[slot] = Entry(key: key, armed: isSooner ? deadline : self.entries[slot]?.armed ?? deadline)
        return isSooner
    }

    /// The timer of `slot` that was added for `armed` fired: whom it is for, if it is not an older one.
    mutating func fired(_ slot: UInt32, armed: Instant) -> SlotKey? {
        guard Int(slot) < self.entries.count, let entry = self.entries[Int(slot)], entry.armed == armed else { return nil }
        self.entries[Int(slot)]?.armed = .distantFuture
        return entry.key
    }
}
