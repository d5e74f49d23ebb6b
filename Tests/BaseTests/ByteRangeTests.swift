import Base
import Testing

@Suite struct ByteRangeTests {
    @Test func `a range gives back its bounds`() {
        let range = ByteRange(3, 10)
        #expect(range.lowerBound == 3)
        #expect(range.upperBound == 10)
        #expect(range.count == 7)
        #expect(range.range == 3..<10)
        #expect(!range.isEmpty)
        #expect(range == ByteRange(3..<10))
        #expect(MemoryLayout<ByteRange>.size == 8)
    }

    @Test func `an empty range holds nothing`() {
        #expect(ByteRange(5, 5).isEmpty)
        #expect(ByteRange(5, 5).count == 0)
        #expect(ByteRange(0, Int(Int32.max)).count == Int(Int32.max))
    }

    @Test func `a shifted range names the same bytes seen from earlier`() {
        #expect(ByteRange(3, 10).shifted(by: 100) == ByteRange(103, 110))
        #expect(ByteRange(103, 110).shifted(by: -100) == ByteRange(3, 10))
    }

    @Test func `a range that ends before it starts is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = ByteRange(2, 1) }
    }
}
