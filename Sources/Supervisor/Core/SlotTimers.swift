import Base

/// The timers of a table whose elements may come and go much faster than their deadlines, such as sessions that are deleted at
/// once but could have lived for an hour. A slot keeps its pending timer when its element leaves, and the next element takes it
/// over, so the heap holds one entry for each slot and not one for each element that ever was.
struct SlotTimers {
    private struct Entry {
        var key: SlotKey
        /// Of the slot's soonest entry in the heap.
        var armed: Instant
        /// Of the entry that it came before. Once the sooner one has fired this one counts again, so a deadline that is short and
        /// long by turns, as that of a connection, does not leave a new entry behind at every turn. Others are ignored when they
        /// fire.
        var behind = Instant.distantFuture
    }

    /// By slot. Bound: the table's capacity.
    private var entries: [Entry?] = []

    /// `key` wants to be looked at, at `deadline`. True if the caller must add a timer then; false if one that is due earlier is
    /// pending.
    mutating func arm(_ key: SlotKey, at deadline: Instant) -> Bool {
        let slot = Int(key.slot)
        while self.entries.count <= slot { self.entries.append(nil) }
        var entry = self.entries[slot] ?? Entry(key: key, armed: .distantFuture)
        entry.key = key
        let isSooner = deadline < entry.armed
        if isSooner {
            entry.behind = entry.armed
            entry.armed = deadline
        }
        self.entries[slot] = entry
        return isSooner
    }

    /// The timer of `slot` that was added for `armed` fired: whom it is for, if it is not an older one.
    mutating func fired(_ slot: UInt32, armed: Instant) -> SlotKey? {
        guard Int(slot) < self.entries.count, let entry = self.entries[Int(slot)], entry.armed == armed else { return nil }
        self.entries[Int(slot)]?.armed = entry.behind
        self.entries[Int(slot)]?.behind = .distantFuture
        return entry.key
    }
}
