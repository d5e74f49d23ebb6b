/// How many connections each source holds. Local sources are not counted: there it is often one reverse proxy for everybody.
struct SourceCounts {
    private let max: Int
    /// Never holds a zero. Bound: the connections.
    private var counts: [PeerAddress: Int] = [:]

    init(max: Int) { self.max = max }

    /// Counts a connection, or says that its source has too many already.
    mutating func add(_ source: PeerAddress) -> Bool {
        guard !source.isLocal else { return true }
        let count = self.counts[source] ?? 0
        guard count < self.max else { return false }
        self.counts[source] = count + 1
        return true
    }

    /// A connection that was counted has ended.
    mutating func remove(_ source: PeerAddress) {
        guard let count = self.counts[source] else { return }
        self.counts[source] = count > 1 ? count - 1 : nil
    }
}
