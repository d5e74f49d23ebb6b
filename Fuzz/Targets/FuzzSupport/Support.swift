public import Base
import CLibFuzzer
import Glibc

/// Runs libFuzzer with the arguments of the process. `test` returns 0 for every input; what must not happen traps.
public func fuzz(_ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt) -> Never {
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv
    exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, test))
}

/// The bytes that libFuzzer gave, copied so that a harness sees an ordinary span.
public func input(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
}

extension PRNG {
    /// A generator that the input decides: the same input is cut the same way in every run, and seeds stay plain text.
    public init(hashOf bytes: [UInt8]) { self.init(seed: hash(bytes.span, bytes.indices)) }
}

/// FNV-1a.
public func hash(_ bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in range { hash = (hash ^ UInt64(bytes[index])) &* 0x0000_0100_0000_01B3 }
    return hash
}

/// Offsets at which pieces of `count` bytes end, rising; the last one is `count`. Mostly short pieces, now and then long ones.
public func cuts(of count: Int, _ random: inout PRNG) -> [Int] {
    var ends: [Int] = []
    var end = 0
    while end < count {
        end += random.chance(1, in: 4) ? 1 + random.below(count) : 1 + random.below(8)
        ends.append(Swift.min(end, count))
    }
    return ends
}
