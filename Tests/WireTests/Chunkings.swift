/// Ways to cut a run of bytes into pieces: a decoder has to give the same steps for every one of them.
struct Chunkings: Sequence {
    /// The bytes to be cut.
    let count: Int
    /// Every two-way cut is made up to this length; longer runs are cut at this many places.
    static let cutsMax = 600

    /// Each element lists the offsets at which a piece ends, rising, the last one `count`.
    func makeIterator() -> AnyIterator<[Int]> {
        var ways: [[Int]] = [[self.count]]
        if self.count > 1 {
            ways.append(Array(1...self.count))
            let step = Swift.max(1, self.count / Self.cutsMax)
            ways.append(contentsOf: stride(from: 1, to: self.count, by: step).map { [$0, self.count] })
            ways.append(stride(from: 3, to: self.count, by: 3) + [self.count])
        }
        return AnyIterator(ways.makeIterator())
    }
}
