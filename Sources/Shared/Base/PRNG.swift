/// SplitMix64 (Steele, Lea, Flood 2014): a small deterministic generator for jitter, simulation and tests. Not for secrets.
public struct PRNG: Sendable {
    private var state: UInt64

    public init(seed: UInt64) { self.state = seed }

    public mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A value in `0..<bound`. `bound` must be positive.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0)
        return Int(self.next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// True in `numerator` of `denominator` draws.
    public mutating func chance(_ numerator: Int, in denominator: Int) -> Bool { self.below(denominator) < numerator }
}
