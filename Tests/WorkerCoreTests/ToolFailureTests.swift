import Base
import Testing

@testable import WorkerCore

@Suite struct ToolFailureTests {
    static let all: [ToolFailure] = [
        .argument(name: bytes("a"), .missing), .argumentRange(name: bytes("limit"), lower: 1, upper: 9),
        .databaseNeeded(known: []),
        .unknownDatabase(name: bytes("a"), known: []), .unknownSchema(name: bytes("a")), .unknownView(name: bytes("a"), near: []),
        .unknownView(name: bytes("a"), near: [bytes("b")]), .brokenView(name: bytes("a")), .emptyQuery, .severalStatements,
        .notReadOnly, .explain, .noColumns, .parameters, .queryTooLong(bytesMax: 1), .zeroByte, .functionDenied(name: bytes("f")),
        .tableFunctionDenied(name: bytes("f")),
        .actionDenied, .rejected(message: bytes("near \"x\": syntax error")), .unknownTable(name: bytes("a"), near: []),
        .unknownColumn(name: bytes("a"), views: []), .timeout(.seconds(5)), .valueTooLarge, .rowTooLarge(bytesMax: 1), .memory,
        .busy, .unavailable, .cancelled, .runtime(message: bytes("integer overflow")), .engine(code: 1), .overloaded,
    ]

    @Test(arguments: ToolFailureTests.all)
    func `every failure is a sentence for the caller`(_ failure: ToolFailure) {
        let said = text(failure.text)
        #expect(said.count > 15 && said.hasSuffix("."), "\(said)")
    }

    @Test func `an unknown column lists the columns there are`() {
        let failure = ToolFailure.unknownColumn(
            name: bytes("nme"), views: [.init(view: bytes("goods"), columns: [bytes("id"), bytes("name")])])
        #expect(text(failure.text).contains("no column `nme`. Columns of `goods`: `id`, `name`."))
    }

    @Test func `a list of names has an end`() {
        let names = (0..<500).map { bytes("v\($0)") }
        #expect(ToolFailure.databaseNeeded(known: names).text.count < 1_000)
    }

    @Test(arguments: [
        ("open_order", ["open_orders"]), ("ORDERS", ["orders", "open_orders", "customer_orders"]), ("custmers", ["customers"]),
        ("zzz", ["orders", "open_orders", "customers"]), ("", ["orders", "open_orders", "customers"]),
    ])
    func `names that look alike come first`(_ asked: String, _ expected: [String]) {
        let names = ["orders", "open_orders", "customers", "customer_orders"].map { bytes($0) }
        #expect(NearNames.find(bytes(asked), among: names, max: 3).map { text($0) } == expected)
    }

    @Test func `looking for names is bounded for long ones`() {
        let long = [UInt8](repeating: 0x61, count: 100_000)
        #expect(NearNames.find(long, among: [long, bytes("b")]).count <= 2)
    }
}
