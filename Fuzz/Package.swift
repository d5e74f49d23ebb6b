// swift-tools-version: 6.2
import PackageDescription

/// Libraries and harnesses are compiled as strictly as what they test.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// One harness: its `main.swift` hands a function over to libFuzzer. Built only by `scripts/fuzz.sh`, which compiles everything with
/// `-sanitize=fuzzer`: without it the code under test would count no coverage.
func harness(_ name: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["FuzzSupport", .product(name: "MCPWire", package: "mcp-supervisor")],
        path: "Targets/\(name)",
        swiftSettings: strict,
        linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
}

let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "mcp-supervisor", path: "..")],
    targets: [
        .systemLibrary(name: "CLibFuzzer", path: "Targets/CLibFuzzer"),
        .target(
            name: "FuzzSupport",
            dependencies: ["CLibFuzzer", .product(name: "MCPWire", package: "mcp-supervisor")],
            path: "Targets/FuzzSupport",
            swiftSettings: strict),
        harness("FuzzHTTP"),
        harness("FuzzSSE"),
        harness("FuzzJSON"),
        harness("FuzzJSONRPC"),
        harness("FuzzLines"),
        harness("FuzzWebSocket"),
    ]
)
