import Base

extension [UInt8] {
    /// Appends the base64 form of `bytes` with padding (RFC 4648 4).
    public mutating func append(base64 bytes: Span<UInt8>) {
        var offset = 0
        while offset < bytes.count {  // Bound: three bytes a round.
            let first = bytes[offset]
            let second = offset + 1 < bytes.count ? bytes[offset + 1] : 0
            let third = offset + 2 < bytes.count ? bytes[offset + 2] : 0
            self.append(Self.base64Digit(first >> 2))
            self.append(Self.base64Digit((first & 0x03) << 4 | second >> 4))
            self.append(offset + 1 < bytes.count ? Self.base64Digit((second & 0x0F) << 2 | third >> 6) : 0x3D)
            self.append(offset + 2 < bytes.count ? Self.base64Digit(third & 0x3F) : 0x3D)
            offset += 3
        }
    }

    private static func base64Digit(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2B
        default: 0x2F
        }
    }
}
