import Testing

@Suite struct ChunkingsTests {
    @Test(arguments: [1, 2, 3, 7, 599, 600, 601, 5_000])
    func `every way rises and ends at the last byte`(count: Int) {
        for ends in Chunkings(count: count) {
            #expect(ends.last == count)
            #expect(zip(ends, ends.dropFirst()).allSatisfy { $0 < $1 })
            #expect(ends.allSatisfy { $0 > 0 })
        }
    }

    @Test func `whole, byte by byte and every two-way cut are among the ways`() {
        let ways = Array(Chunkings(count: 4))
        #expect(ways.contains([4]))
        #expect(ways.contains([1, 2, 3, 4]))
        for cut in 1...3 { #expect(ways.contains([cut, 4])) }
    }
}
