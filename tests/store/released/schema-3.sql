BEGIN TRANSACTION;
CREATE TABLE attempts (
    client_order_id   TEXT PRIMARY KEY,     -- what the exchange knows it by
    order_id          TEXT NOT NULL,
    number            INTEGER NOT NULL,     -- from 1
    state             TEXT NOT NULL CHECK (state = 'in_flight' OR state = 'placed' OR state = 'refused' OR state = 'unknown' OR state = 'not_sent'),
    price             TEXT,                 -- as sent
    started_ms        INTEGER NOT NULL,     -- when it was decided and made durable, before any byte was sent
    answered_ms       INTEGER,
    code              TEXT,                 -- the exchange's code, or our word for a failure to connect
    message           TEXT,
    exchange_order_id TEXT,
    asked             TEXT,                 -- the request without its signature
    answered          TEXT                  -- the raw answer, bounded
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES('01M8MFQKGZE8GCE88TNCJFVV4C-1','01M8MFQKGZE8GCE88TNCJFVV4C',1,'placed',NULL,1795983920672,1795983920684,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MFQKGZE8GCE88TNCJFVV4C-1&recvWindow=1000&timestamp=1795983920681','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99759.97","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795983920683}');
INSERT INTO "attempts" VALUES('01M8MFQKJ1BKK638G4F9ERCDBT-1','01M8MFQKJ1BKK638G4F9ERCDBT',1,'placed','50000',1795983920705,1795983920723,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M8MFQKJ1BKK638G4F9ERCDBT-1&recvWindow=1000&timestamp=1795983920717','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795983920717}');
INSERT INTO "attempts" VALUES('01M8MFQKKFHV6TG6BX7TS5DNF1-1','01M8MFQKKFHV6TG6BX7TS5DNF1',1,'refused',NULL,1795983920751,1795983920767,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MFQKKFHV6TG6BX7TS5DNF1-1&recvWindow=1000&timestamp=1795983920757','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M8MFQKMQ5TXV210Q4P94N1SB-1','01M8MFQKMQ5TXV210Q4P94N1SB',1,'refused',NULL,1795983920791,1795983920803,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MFQKMQ5TXV210Q4P94N1SB-1&recvWindow=1000&timestamp=1795983920801','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M8MFQKND0CGP90ZYKTMGJRJR-1','01M8MFQKND0CGP90ZYKTMGJRJR',1,'unknown',NULL,1795983920813,1795983920823,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983920821','');
INSERT INTO "attempts" VALUES('01M8MFQR75Q1N4BFDSYSZ5YEJZ-1','01M8MFQR75Q1N4BFDSYSZ5YEJZ',1,'unknown',NULL,1795983925477,1795983925482,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MFQR75Q1N4BFDSYSZ5YEJZ-1&recvWindow=1000&timestamp=1795983925483','');
CREATE TABLE events (
    event_id          INTEGER PRIMARY KEY,  -- order of writing
    at_ms             INTEGER NOT NULL,
    name              TEXT NOT NULL,        -- dotted, as in the log
    actor             TEXT NOT NULL,        -- who caused it
    order_id          TEXT,
    lock_id           TEXT,
    resource          TEXT,
    client_order_id   TEXT,
    state             TEXT,                 -- the order's, after the event
    detail            TEXT NOT NULL         -- JSON object
) STRICT;
INSERT INTO "events" VALUES(1,1795983920671,'order.accepted','uid:0','01M8MFQKGZE8GCE88TNCJFVV4C',NULL,'trade:BTCUSDT:BUY:target-31154-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-1","key":"target:target-31154-1","priority":5,"deadline_ms":1795983925671,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795983920672,'order.sent','daemon','01M8MFQKGZE8GCE88TNCJFVV4C','lock-1','trade:BTCUSDT:BUY:target-31154-1','01M8MFQKGZE8GCE88TNCJFVV4C-1','in_flight','{"attempt":1,"token":1,"waited_ms":1}');
INSERT INTO "events" VALUES(3,1795983920684,'order.placed','daemon','01M8MFQKGZE8GCE88TNCJFVV4C','lock-1','trade:BTCUSDT:BUY:target-31154-1','01M8MFQKGZE8GCE88TNCJFVV4C-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":12}');
INSERT INTO "events" VALUES(4,1795983920691,'order.looked','daemon','01M8MFQKGZE8GCE88TNCJFVV4C','lock-1','trade:BTCUSDT:BUY:target-31154-1','01M8MFQKGZE8GCE88TNCJFVV4C-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000001&recvWindow=1000&timestamp=1795983920689","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKGZE8GCE88TNCJFVV4C-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.752375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920000,\"updateTime\":1795983920000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9399925\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795983920691,'order.seen','daemon','01M8MFQKGZE8GCE88TNCJFVV4C','lock-1','trade:BTCUSDT:BUY:target-31154-1','01M8MFQKGZE8GCE88TNCJFVV4C-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.752375","was":"open"}');
INSERT INTO "events" VALUES(6,1795983920705,'order.accepted','uid:0','01M8MFQKJ1BKK638G4F9ERCDBT',NULL,'trade:BTCUSDT:BUY:target-31154-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-31154-2","key":"target:target-31154-2","priority":5,"deadline_ms":1795983925705,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795983920705,'order.sent','daemon','01M8MFQKJ1BKK638G4F9ERCDBT','lock-2','trade:BTCUSDT:BUY:target-31154-2','01M8MFQKJ1BKK638G4F9ERCDBT-1','in_flight','{"attempt":1,"token":2,"waited_ms":0}');
INSERT INTO "events" VALUES(8,1795983920723,'order.placed','daemon','01M8MFQKJ1BKK638G4F9ERCDBT','lock-2','trade:BTCUSDT:BUY:target-31154-2','01M8MFQKJ1BKK638G4F9ERCDBT-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":18}');
INSERT INTO "events" VALUES(9,1795983920739,'order.looked','daemon','01M8MFQKJ1BKK638G4F9ERCDBT','lock-2','trade:BTCUSDT:BUY:target-31154-2','01M8MFQKJ1BKK638G4F9ERCDBT-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000002&recvWindow=1000&timestamp=1795983920733","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKJ1BKK638G4F9ERCDBT-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920000,\"updateTime\":1795983920000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795983920739,'order.seen','daemon','01M8MFQKJ1BKK638G4F9ERCDBT','lock-2','trade:BTCUSDT:BUY:target-31154-2','01M8MFQKJ1BKK638G4F9ERCDBT-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795983920751,'order.accepted','uid:0','01M8MFQKKFHV6TG6BX7TS5DNF1',NULL,'trade:BTCUSDT:BUY:target-31154-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-3","key":"target:target-31154-3","priority":5,"deadline_ms":1795983925751,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795983920751,'order.sent','daemon','01M8MFQKKFHV6TG6BX7TS5DNF1','lock-3','trade:BTCUSDT:BUY:target-31154-3','01M8MFQKKFHV6TG6BX7TS5DNF1-1','in_flight','{"attempt":1,"token":3,"waited_ms":0}');
INSERT INTO "events" VALUES(13,1795983920767,'order.rejected','daemon','01M8MFQKKFHV6TG6BX7TS5DNF1','lock-3','trade:BTCUSDT:BUY:target-31154-3','01M8MFQKKFHV6TG6BX7TS5DNF1-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795983920791,'order.accepted','uid:0','01M8MFQKMQ5TXV210Q4P94N1SB',NULL,'trade:BTCUSDT:BUY:target-31154-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-4","key":"target:target-31154-4","priority":5,"deadline_ms":1795983925791,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795983920791,'order.sent','daemon','01M8MFQKMQ5TXV210Q4P94N1SB','lock-4','trade:BTCUSDT:BUY:target-31154-4','01M8MFQKMQ5TXV210Q4P94N1SB-1','in_flight','{"attempt":1,"token":4,"waited_ms":0}');
INSERT INTO "events" VALUES(16,1795983920803,'order.dead_letter','daemon','01M8MFQKMQ5TXV210Q4P94N1SB','lock-4','trade:BTCUSDT:BUY:target-31154-4','01M8MFQKMQ5TXV210Q4P94N1SB-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795983920813,'order.accepted','uid:0','01M8MFQKND0CGP90ZYKTMGJRJR',NULL,'trade:BTCUSDT:BUY:target-31154-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-5","key":"target:target-31154-5","priority":5,"deadline_ms":1795983925813,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795983920813,'order.sent','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795983920823,'order.in_doubt','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795983920833,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983920833","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795983920856,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983920858","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795983920898,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983920899","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795983920981,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983920980","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795983921142,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983921143","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795983921471,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983921465","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795983922119,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983922114","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795983922814,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983922815","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795983922815,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795983922816","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKJ1BKK638G4F9ERCDBT-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920717,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795983922815,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795983860815&limit=1000&recvWindow=1000&timestamp=1795983922817","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKJ1BKK638G4F9ERCDBT-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920000,\"updateTime\":1795983920000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKGZE8GCE88TNCJFVV4C-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795983922816,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795983860815&limit=100&recvWindow=1000&timestamp=1795983922818","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795983920000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MFQKGZE8GCE88TNCJFVV4C-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795983925380,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQKND0CGP90ZYKTMGJRJR-1&recvWindow=1000&timestamp=1795983925381","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795983925381,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795983925382","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKJ1BKK638G4F9ERCDBT-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920717,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795983925382,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795983860815&limit=1000&recvWindow=1000&timestamp=1795983925383","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKJ1BKK638G4F9ERCDBT-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795983920000,\"updateTime\":1795983920000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MFQKGZE8GCE88TNCJFVV4C-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795983925387,'order.looked','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795983860815&limit=100&recvWindow=1000&timestamp=1795983925384","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795983920000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MFQKGZE8GCE88TNCJFVV4C-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795983925387,'order.lost','daemon','01M8MFQKND0CGP90ZYKTMGJRJR','lock-5','trade:BTCUSDT:BUY:target-31154-5','01M8MFQKND0CGP90ZYKTMGJRJR-1','lost','{"reason":"not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MFQKND0CGP90ZYKTMGJRJR-, whatever its number, then rule: sniperd resolve 01M8MFQKND0CGP90ZYKTMGJRJR"}');
INSERT INTO "events" VALUES(36,1795983925404,'order.accepted','uid:0','01M8MFQR4W9QRVP7JYYA1SQX6Z',NULL,'trade:BTCUSDT:BUY:target-31154-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-6","key":"target:target-31154-6","priority":5,"deadline_ms":1795987530403,"execute_at_ms":1795987525403}');
INSERT INTO "events" VALUES(37,1795983925428,'order.accepted','uid:0','01M8MFQR5ME1JFPRVRDKBHS2HV',NULL,'trade:BTCUSDT:BUY:target-31154-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-7","key":"target:target-31154-7","priority":5,"deadline_ms":1795987530423,"execute_at_ms":1795987525423}');
INSERT INTO "events" VALUES(38,1795983925443,'order.withdrawn','uid:0','01M8MFQR5ME1JFPRVRDKBHS2HV',NULL,'trade:BTCUSDT:BUY:target-31154-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795983925477,'order.accepted','uid:0','01M8MFQR75Q1N4BFDSYSZ5YEJZ',NULL,'trade:BTCUSDT:BUY:target-31154-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-31154-8","key":"target:target-31154-8","priority":5,"deadline_ms":1795983930477,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795983925477,'order.sent','daemon','01M8MFQR75Q1N4BFDSYSZ5YEJZ','lock-7','trade:BTCUSDT:BUY:target-31154-8','01M8MFQR75Q1N4BFDSYSZ5YEJZ-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795983925482,'order.in_doubt','daemon','01M8MFQR75Q1N4BFDSYSZ5YEJZ','lock-7','trade:BTCUSDT:BUY:target-31154-8','01M8MFQR75Q1N4BFDSYSZ5YEJZ-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795983925501,'order.looked','daemon','01M8MFQR75Q1N4BFDSYSZ5YEJZ','lock-7','trade:BTCUSDT:BUY:target-31154-8','01M8MFQR75Q1N4BFDSYSZ5YEJZ-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MFQR75Q1N4BFDSYSZ5YEJZ-1&recvWindow=1000&timestamp=1795983925497","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
INSERT INTO "events" VALUES(43,1795983925516,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"dee52863-83ca-48ae-872e-89eb65ae6836","boot_ms":4009298,"unix_ms":1795983920593}');
INSERT INTO "facts" VALUES('halted','the end of the day');
CREATE TABLE orders (
    seq               INTEGER PRIMARY KEY,  -- order of acceptance, from 1
    order_id          TEXT NOT NULL UNIQUE,
    state             TEXT NOT NULL CHECK (state = 'queued' OR state = 'armed' OR state = 'in_flight' OR state = 'in_doubt' OR state = 'open' OR state = 'partially_filled' OR state = 'filled' OR state = 'canceled' OR state = 'partially_canceled' OR state = 'rejected' OR state = 'expired' OR state = 'withdrawn' OR state = 'lost' OR state = 'dead_letter'),
    symbol            TEXT NOT NULL,        -- BTCUSDT
    side              TEXT NOT NULL CHECK (side = 'BUY' OR side = 'SELL'),
    type              TEXT NOT NULL CHECK (type = 'LIMIT' OR type = 'MARKET' OR type = 'LIMIT_MAKER' OR type = 'IMMEDIATE_OR_CANCEL' OR type = 'FILL_OR_KILL'),
    quantity          TEXT,                 -- base units asked
    quote_quantity    TEXT,                 -- quote units asked (MARKET)
    price             TEXT,                 -- quote per base unit; changes once when re-priced to a cap
    last_price        TEXT,                 -- the exchange's at acceptance, where a guard asked for it
    owner_id          TEXT NOT NULL,        -- who asked
    target_id         TEXT,                 -- the bot's snipeTargetId
    resource          TEXT NOT NULL,        -- what its lock is for
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- 1 is most urgent
    skip_lock         INTEGER NOT NULL CHECK (skip_lock = 0 OR skip_lock = 1),        -- emergency sell
    key               TEXT NOT NULL,        -- idempotency key
    fingerprint       TEXT NOT NULL,        -- SHA-256 of what would be traded
    key_bound         INTEGER NOT NULL CHECK (key_bound = 0 OR key_bound = 1),  -- 1 while no other order can have the key
    key_until_ms      INTEGER,              -- until when a derived key counts against a finished order
    accepted_ms       INTEGER NOT NULL,
    deadline_ms       INTEGER NOT NULL,     -- last instant at which it may be sent
    execute_at_ms     INTEGER,              -- instant at which it is to be sent
    not_before_ms     INTEGER NOT NULL,     -- earliest next attempt
    timeout_ms        INTEGER NOT NULL,     -- lease of its lock
    attempts          INTEGER NOT NULL,     -- requests so far that may have reached the exchange
    repriced          INTEGER NOT NULL CHECK (repriced = 0 OR repriced = 1),
    lock_id           TEXT,                 -- the lock it holds, or held last
    client_order_id   TEXT,                 -- of the last attempt
    sent_ms           INTEGER,              -- of the last attempt
    doubt_ms          INTEGER,              -- since when the outcome is unknown
    exchange_order_id TEXT,                 -- the exchange's id
    executed_quantity TEXT NOT NULL,        -- base units filled, as last seen
    executed_quote    TEXT NOT NULL,        -- quote units filled, as last seen
    seen_ms           INTEGER,              -- when a look-up last told something new
    reason            TEXT,                 -- why it stands where it does
    updated_ms        INTEGER NOT NULL,
    finished_ms       INTEGER               -- since when nothing more is to be done
, asked_quantity TEXT, asked_quote_quantity TEXT, asked_price TEXT) STRICT;
INSERT INTO "orders" VALUES(1,'01M8MFQKGZE8GCE88TNCJFVV4C','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-1','trade:BTCUSDT:BUY:target-31154-1',5,0,'target:target-31154-1','7a86223af234e9faec858c6f441dc5d25a02b951be0fe51c6f84aad4e55ced9c',1,NULL,1795983920671,1795983925671,NULL,0,30000,1,0,'lock-1','01M8MFQKGZE8GCE88TNCJFVV4C-1',1795983920672,NULL,'C02__342252993005723000001','0.00025','23.752375',1795983920691,NULL,1795983920691,1795983920691,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,'01M8MFQKJ1BKK638G4F9ERCDBT','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-31154-2','trade:BTCUSDT:BUY:target-31154-2',5,0,'target:target-31154-2','cdba5296dcf9a95460c5cd40ab7df2a9df97762331c7a1e5cc84c254d2edf3bf',1,NULL,1795983920705,1795983925705,NULL,0,30000,1,0,'lock-2','01M8MFQKJ1BKK638G4F9ERCDBT-1',1795983920705,NULL,'C02__342252993005723000002','0','0',1795983920739,NULL,1795983920739,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(3,'01M8MFQKKFHV6TG6BX7TS5DNF1','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-3','trade:BTCUSDT:BUY:target-31154-3',5,0,'target:target-31154-3','52102ea892932f849c90954aa15bfcd4470c918c9091d9cb8fdad8ddca775859',0,NULL,1795983920751,1795983925751,NULL,0,30000,1,0,'lock-3','01M8MFQKKFHV6TG6BX7TS5DNF1-1',1795983920751,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795983920767,1795983920767,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(4,'01M8MFQKMQ5TXV210Q4P94N1SB','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-4','trade:BTCUSDT:BUY:target-31154-4',5,0,'target:target-31154-4','68cc4c28d1a4595948e5694ec23263735671c021e68c875f760fbe0f6793a647',0,NULL,1795983920791,1795983925791,NULL,0,30000,1,0,'lock-4','01M8MFQKMQ5TXV210Q4P94N1SB-1',1795983920791,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795983920803,1795983920803,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(5,'01M8MFQKND0CGP90ZYKTMGJRJR','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-5','trade:BTCUSDT:BUY:target-31154-5',5,0,'target:target-31154-5','158c03dbb770ffe25ca5e350e63c7f0a3f7e0d96e656ff84630fcc3e59bf13e3',1,NULL,1795983920813,1795983925813,NULL,0,30000,1,0,'lock-5','01M8MFQKND0CGP90ZYKTMGJRJR-1',1795983920813,1795983920823,NULL,'0','0',NULL,'not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MFQKND0CGP90ZYKTMGJRJR-, whatever its number, then rule: sniperd resolve 01M8MFQKND0CGP90ZYKTMGJRJR',1795983925387,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(6,'01M8MFQR4W9QRVP7JYYA1SQX6Z','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-6','trade:BTCUSDT:BUY:target-31154-6',5,0,'target:target-31154-6','c8a6247b0a2fb62b24700b4d02fb142e3cc10b9a02ba4e23585787bd839fade1',1,NULL,1795983925404,1795987530403,1795987525403,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795983925404,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(7,'01M8MFQR5ME1JFPRVRDKBHS2HV','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-7','trade:BTCUSDT:BUY:target-31154-7',5,0,'target:target-31154-7','2a0c4699d580d1f5c4fa8163e7543a3469cc22360d62f0f98e87cfe42fa2824f',0,NULL,1795983925428,1795987530423,1795987525423,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795983925443,1795983925443,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(8,'01M8MFQR75Q1N4BFDSYSZ5YEJZ','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-31154-8','trade:BTCUSDT:BUY:target-31154-8',5,0,'target:target-31154-8','e464ddf85645c4a986194fcdd701890a9bb415094aad2449a4beb5e8cf515aaa',1,NULL,1795983925477,1795983930477,NULL,0,30000,1,0,'lock-7','01M8MFQR75Q1N4BFDSYSZ5YEJZ-1',1795983925477,1795983925482,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795983925482,NULL,NULL,NULL,NULL);
CREATE TABLE retention (
    before_ms         INTEGER NOT NULL      -- what ended before may be removed; there is a row only during a removal
) STRICT;
CREATE TABLE transaction_locks (
    fencing_token     INTEGER PRIMARY KEY,  -- only grows
    lock_id           TEXT NOT NULL GENERATED ALWAYS AS ('lock-' || fencing_token) VIRTUAL,
    resource_id       TEXT NOT NULL,
    idempotency_key   TEXT NOT NULL,        -- of what it is held for
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    order_id          TEXT,                 -- the order it is held for; NULL for a caller's own lease
    acquired_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,     -- end of the lease
    released_at       INTEGER,
    status            TEXT NOT NULL CHECK (status = 'active' OR status = 'released' OR status = 'expired' OR status = 'failed'),
    lock_type         TEXT NOT NULL CHECK (lock_type = 'exclusive'),
    transaction_type  TEXT NOT NULL CHECK (transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT,                 -- JSON
    max_retries       INTEGER NOT NULL,     -- the bot's column; attempts are counted in orders
    current_retries   INTEGER NOT NULL,
    timeout_ms        INTEGER NOT NULL,     -- length of the lease
    result            TEXT,                 -- JSON
    error_message     TEXT,
    overdue           INTEGER NOT NULL CHECK (overdue = 0 OR overdue = 1),  -- the lease ended with an outcome outstanding
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-31154-1','target:target-31154-1','bot','user','01M8MFQKGZE8GCE88TNCJFVV4C',1795983920672,1795983950672,1795983920684,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M8MFQKGZE8GCE88TNCJFVV4C-1","state":"open"}',NULL,0,1795983920672,1795983920684);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-31154-2','target:target-31154-2','bot','user','01M8MFQKJ1BKK638G4F9ERCDBT',1795983920705,1795983950705,1795983920723,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M8MFQKJ1BKK638G4F9ERCDBT-1","state":"open"}',NULL,0,1795983920705,1795983920723);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-31154-3','target:target-31154-3','bot','user','01M8MFQKKFHV6TG6BX7TS5DNF1',1795983920751,1795983950751,1795983920767,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795983920751,1795983920767);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-31154-4','target:target-31154-4','bot','user','01M8MFQKMQ5TXV210Q4P94N1SB',1795983920791,1795983950791,1795983920803,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795983920791,1795983920803);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-31154-5','target:target-31154-5','bot','user','01M8MFQKND0CGP90ZYKTMGJRJR',1795983920813,1795983950813,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795983920813,1795983920813);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M8MFQR6AD3CQP3B9F5YXGB2K','bot','user',NULL,1795983925450,1795987525450,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795983925450,1795983925450);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-31154-8','target:target-31154-8','bot','user','01M8MFQR75Q1N4BFDSYSZ5YEJZ',1795983925477,1795983955477,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795983925477,1795983925477);
CREATE TABLE transaction_queue (
    queue_id          TEXT PRIMARY KEY,     -- the order's id, or of who waits for a lease: wait-…
    lock_id           TEXT,                 -- the lock it was served under
    resource_id       TEXT NOT NULL,
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    transaction_type  TEXT NOT NULL CHECK (transaction_type = 'trade' OR transaction_type = 'cancel' OR transaction_type = 'update'),
    transaction_data  TEXT NOT NULL,        -- JSON
    idempotency_key   TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status = 'pending' OR status = 'processing' OR status = 'completed' OR status = 'failed' OR status = 'cancelled'),
    queued_at         INTEGER NOT NULL,
    processing_started_at INTEGER,
    completed_at      INTEGER,
    result            TEXT,                 -- JSON
    error_message     TEXT,
    attempts          INTEGER NOT NULL,
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type = 'user' OR owner_type = 'system' OR owner_type = 'workflow'),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "transaction_queue" VALUES('01M8MFQR4W9QRVP7JYYA1SQX6Z',NULL,'trade:BTCUSDT:BUY:target-31154-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-31154-6"}','target:target-31154-6','pending',1795983925404,NULL,NULL,NULL,NULL,0,'bot','user',1795983925404,1795983925404);
INSERT INTO "transaction_queue" VALUES('01M8MFQR5ME1JFPRVRDKBHS2HV',NULL,'trade:BTCUSDT:BUY:target-31154-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-31154-7"}','target:target-31154-7','cancelled',1795983925428,NULL,1795983925443,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795983925428,1795983925443);
CREATE UNIQUE INDEX one_order_per_key ON orders (key) WHERE key_bound = 1;
CREATE INDEX orders_unfinished ON orders (seq) WHERE finished_ms IS NULL;
CREATE INDEX orders_set_aside ON orders (seq) WHERE state = 'dead_letter';
CREATE INDEX events_by_order ON events (order_id, event_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE UNIQUE INDEX one_active_lock_per_resource ON transaction_locks (resource_id) WHERE status = 'active';
CREATE INDEX leases_by_key ON transaction_locks (idempotency_key) WHERE order_id IS NULL;
CREATE INDEX transaction_locks_finished ON transaction_locks (released_at) WHERE status <> 'active';
CREATE INDEX transaction_queue_pending ON transaction_queue (priority, queued_at) WHERE status = 'pending';
CREATE INDEX transaction_queue_completed ON transaction_queue (completed_at) WHERE completed_at IS NOT NULL;
CREATE TRIGGER events_are_removed_past_retention_only BEFORE DELETE ON events WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.at_ms < before_ms AND NOT EXISTS (
        SELECT 1 FROM orders WHERE order_id = old.order_id AND (finished_ms IS NULL OR finished_ms >= before_ms)))
BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE TRIGGER orders_are_removed_past_retention_only BEFORE DELETE ON orders WHEN NOT EXISTS (
    SELECT 1 FROM retention WHERE old.finished_ms < before_ms AND (old.key_bound = 0 OR old.key_until_ms < before_ms))
BEGIN
    SELECT RAISE (ABORT, 'an order stays while its key counts');
END;
COMMIT;
PRAGMA application_id = 1936615792;
PRAGMA user_version = 3;
