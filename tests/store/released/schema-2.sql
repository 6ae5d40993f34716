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
INSERT INTO "attempts" VALUES('01M82YMXSDYHG2F2KFG6E0Y77D-1','01M82YMXSDYHG2F2KFG6E0Y77D',1,'placed',NULL,1795395581742,1795395581748,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82YMXSDYHG2F2KFG6E0Y77D-1&recvWindow=1000&timestamp=1795395581746','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99759.97","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795395581744}');
INSERT INTO "attempts" VALUES('01M82YMXSYJ0D9B2F8PYKZ1NV5-1','01M82YMXSYJ0D9B2F8PYKZ1NV5',1,'placed','50000',1795395581758,1795395581763,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M82YMXSYJ0D9B2F8PYKZ1NV5-1&recvWindow=1000&timestamp=1795395581763','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795395581761}');
INSERT INTO "attempts" VALUES('01M82YMXTNBAJBFP15D6353DSH-1','01M82YMXTNBAJBFP15D6353DSH',1,'refused',NULL,1795395581781,1795395581784,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82YMXTNBAJBFP15D6353DSH-1&recvWindow=1000&timestamp=1795395581785','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M82YMXTX15MFX79SYF6MYEXA-1','01M82YMXTX15MFX79SYF6MYEXA',1,'refused',NULL,1795395581790,1795395581796,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82YMXTX15MFX79SYF6MYEXA-1&recvWindow=1000&timestamp=1795395581795','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M82YMXVB1PC390A9YZ11WS9Y-1','01M82YMXVB1PC390A9YZ11WS9Y',1,'unknown',NULL,1795395581803,1795395581808,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395581808','');
INSERT INTO "attempts" VALUES('01M82YN2CC8K296SBWJD9S6PPY-1','01M82YN2CC8K296SBWJD9S6PPY',1,'unknown',NULL,1795395586444,1795395586456,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82YN2CC8K296SBWJD9S6PPY-1&recvWindow=1000&timestamp=1795395586456','');
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
INSERT INTO "events" VALUES(1,1795395581741,'order.accepted','uid:0','01M82YMXSDYHG2F2KFG6E0Y77D',NULL,'trade:BTCUSDT:BUY:target-2894-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-1","key":"derived:f0bf6a36885ca232753971149565428007acde8294066623984b0a915c3f3cd0","priority":5,"deadline_ms":1795395586741,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795395581742,'order.sent','daemon','01M82YMXSDYHG2F2KFG6E0Y77D','lock-1','trade:BTCUSDT:BUY:target-2894-1','01M82YMXSDYHG2F2KFG6E0Y77D-1','in_flight','{"attempt":1,"token":1,"waited_ms":1}');
INSERT INTO "events" VALUES(3,1795395581748,'order.placed','daemon','01M82YMXSDYHG2F2KFG6E0Y77D','lock-1','trade:BTCUSDT:BUY:target-2894-1','01M82YMXSDYHG2F2KFG6E0Y77D-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":6}');
INSERT INTO "events" VALUES(4,1795395581753,'order.looked','daemon','01M82YMXSDYHG2F2KFG6E0Y77D','lock-1','trade:BTCUSDT:BUY:target-2894-1','01M82YMXSDYHG2F2KFG6E0Y77D-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXSDYHG2F2KFG6E0Y77D-1&recvWindow=1000&timestamp=1795395581753","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSDYHG2F2KFG6E0Y77D-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.752375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581000,\"updateTime\":1795395581000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9399925\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795395581753,'order.seen','daemon','01M82YMXSDYHG2F2KFG6E0Y77D','lock-1','trade:BTCUSDT:BUY:target-2894-1','01M82YMXSDYHG2F2KFG6E0Y77D-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.752375","was":"open"}');
INSERT INTO "events" VALUES(6,1795395581758,'order.accepted','uid:0','01M82YMXSYJ0D9B2F8PYKZ1NV5',NULL,'trade:BTCUSDT:BUY:target-2894-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-2894-2","key":"derived:0565de7b3be9b1e542bdede76a09167a4a1f0849f198400543ce91717cb764d4","priority":5,"deadline_ms":1795395586758,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795395581758,'order.sent','daemon','01M82YMXSYJ0D9B2F8PYKZ1NV5','lock-2','trade:BTCUSDT:BUY:target-2894-2','01M82YMXSYJ0D9B2F8PYKZ1NV5-1','in_flight','{"attempt":1,"token":2,"waited_ms":0}');
INSERT INTO "events" VALUES(8,1795395581763,'order.placed','daemon','01M82YMXSYJ0D9B2F8PYKZ1NV5','lock-2','trade:BTCUSDT:BUY:target-2894-2','01M82YMXSYJ0D9B2F8PYKZ1NV5-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":5}');
INSERT INTO "events" VALUES(9,1795395581770,'order.looked','daemon','01M82YMXSYJ0D9B2F8PYKZ1NV5','lock-2','trade:BTCUSDT:BUY:target-2894-2','01M82YMXSYJ0D9B2F8PYKZ1NV5-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXSYJ0D9B2F8PYKZ1NV5-1&recvWindow=1000&timestamp=1795395581769","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSYJ0D9B2F8PYKZ1NV5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581000,\"updateTime\":1795395581000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795395581770,'order.seen','daemon','01M82YMXSYJ0D9B2F8PYKZ1NV5','lock-2','trade:BTCUSDT:BUY:target-2894-2','01M82YMXSYJ0D9B2F8PYKZ1NV5-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795395581781,'order.accepted','uid:0','01M82YMXTNBAJBFP15D6353DSH',NULL,'trade:BTCUSDT:BUY:target-2894-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-3","key":"derived:9f5e4105cc32ce4c1c58ad2736ad4a4f5e108c09dc4dc77dcffa17ed5e5d5a5f","priority":5,"deadline_ms":1795395586781,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795395581781,'order.sent','daemon','01M82YMXTNBAJBFP15D6353DSH','lock-3','trade:BTCUSDT:BUY:target-2894-3','01M82YMXTNBAJBFP15D6353DSH-1','in_flight','{"attempt":1,"token":3,"waited_ms":0}');
INSERT INTO "events" VALUES(13,1795395581784,'order.rejected','daemon','01M82YMXTNBAJBFP15D6353DSH','lock-3','trade:BTCUSDT:BUY:target-2894-3','01M82YMXTNBAJBFP15D6353DSH-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795395581789,'order.accepted','uid:0','01M82YMXTX15MFX79SYF6MYEXA',NULL,'trade:BTCUSDT:BUY:target-2894-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-4","key":"derived:2150926cca5773426150fcf2e3483420241c9ccf43299aacaf460166001e9ffb","priority":5,"deadline_ms":1795395586789,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795395581790,'order.sent','daemon','01M82YMXTX15MFX79SYF6MYEXA','lock-4','trade:BTCUSDT:BUY:target-2894-4','01M82YMXTX15MFX79SYF6MYEXA-1','in_flight','{"attempt":1,"token":4,"waited_ms":1}');
INSERT INTO "events" VALUES(16,1795395581796,'order.dead_letter','daemon','01M82YMXTX15MFX79SYF6MYEXA','lock-4','trade:BTCUSDT:BUY:target-2894-4','01M82YMXTX15MFX79SYF6MYEXA-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795395581803,'order.accepted','uid:0','01M82YMXVB1PC390A9YZ11WS9Y',NULL,'trade:BTCUSDT:BUY:target-2894-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-5","key":"derived:e8f33040db5bbcb9723b95a5c092a8681648453af9cb27f7e6233c6e95bc9d0b","priority":5,"deadline_ms":1795395586803,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795395581803,'order.sent','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795395581808,'order.in_doubt','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795395581812,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395581812","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795395581837,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395581836","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795395581881,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395581881","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795395581963,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395581964","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795395582125,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395582126","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795395582447,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395582448","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795395583090,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395583091","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795395583806,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395583806","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795395583808,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795395583809","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSYJ0D9B2F8PYKZ1NV5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581761,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795395583810,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795395521806&limit=1000&recvWindow=1000&timestamp=1795395583811","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSYJ0D9B2F8PYKZ1NV5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581000,\"updateTime\":1795395581000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSDYHG2F2KFG6E0Y77D-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795395583812,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795395521806&limit=100&recvWindow=1000&timestamp=1795395583813","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795395581000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M82YMXSDYHG2F2KFG6E0Y77D-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795395586374,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YMXVB1PC390A9YZ11WS9Y-1&recvWindow=1000&timestamp=1795395586375","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795395586379,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795395586377","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSYJ0D9B2F8PYKZ1NV5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581761,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795395586381,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795395521806&limit=1000&recvWindow=1000&timestamp=1795395586382","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSYJ0D9B2F8PYKZ1NV5-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795395581000,\"updateTime\":1795395581000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82YMXSDYHG2F2KFG6E0Y77D-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795395586386,'order.looked','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795395521806&limit=100&recvWindow=1000&timestamp=1795395586384","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795395581000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M82YMXSDYHG2F2KFG6E0Y77D-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795395586386,'order.lost','daemon','01M82YMXVB1PC390A9YZ11WS9Y','lock-5','trade:BTCUSDT:BUY:target-2894-5','01M82YMXVB1PC390A9YZ11WS9Y-1','lost','{"reason":"not found in 2 rounds at every witness, 4 s after it was sent; compare with the exchange''s own order list for 01M82YMXVB1PC390A9YZ11WS9Y-1, then rule: sniperd resolve 01M82YMXVB1PC390A9YZ11WS9Y"}');
INSERT INTO "events" VALUES(36,1795395586401,'order.accepted','uid:0','01M82YN2B1BXQSBBV77949S7J6',NULL,'trade:BTCUSDT:BUY:target-2894-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-6","key":"derived:b2bd6e1100a852b4d5c15e05d1a53559250d83522b42b6b4d6f8003d50bdd1e4","priority":5,"deadline_ms":1795399191400,"execute_at_ms":1795399186400}');
INSERT INTO "events" VALUES(37,1795395586410,'order.accepted','uid:0','01M82YN2BADESTSKRXKNYR39HG',NULL,'trade:BTCUSDT:BUY:target-2894-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-7","key":"derived:b5b759108951c4d004fc28ec7c6bb00e8e1485dabd73642f13aaf00dca00f905","priority":5,"deadline_ms":1795399191409,"execute_at_ms":1795399186409}');
INSERT INTO "events" VALUES(38,1795395586423,'order.withdrawn','uid:0','01M82YN2BADESTSKRXKNYR39HG',NULL,'trade:BTCUSDT:BUY:target-2894-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795395586444,'order.accepted','uid:0','01M82YN2CC8K296SBWJD9S6PPY',NULL,'trade:BTCUSDT:BUY:target-2894-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-2894-8","key":"derived:fd905b68efe80d1f753b73c91b3ce307ec62a6d703e60dff5f66ced95a07a098","priority":5,"deadline_ms":1795395591444,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795395586444,'order.sent','daemon','01M82YN2CC8K296SBWJD9S6PPY','lock-7','trade:BTCUSDT:BUY:target-2894-8','01M82YN2CC8K296SBWJD9S6PPY-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795395586456,'order.in_doubt','daemon','01M82YN2CC8K296SBWJD9S6PPY','lock-7','trade:BTCUSDT:BUY:target-2894-8','01M82YN2CC8K296SBWJD9S6PPY-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795395586466,'order.looked','daemon','01M82YN2CC8K296SBWJD9S6PPY','lock-7','trade:BTCUSDT:BUY:target-2894-8','01M82YN2CC8K296SBWJD9S6PPY-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82YN2CC8K296SBWJD9S6PPY-1&recvWindow=1000&timestamp=1795395586465","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
INSERT INTO "events" VALUES(43,1795395586472,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"ffbc9b18-6a13-4b95-bef7-e48d3823b1b6","boot_ms":38702467,"unix_ms":1795395581707}');
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
) STRICT;
INSERT INTO "orders" VALUES(1,'01M82YMXSDYHG2F2KFG6E0Y77D','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-1','trade:BTCUSDT:BUY:target-2894-1',5,0,'derived:f0bf6a36885ca232753971149565428007acde8294066623984b0a915c3f3cd0','1736eb572a099ac8a7069c15c85e2995dbb0cf3e46d58edca2b67e69ace0ffb0',1,NULL,1795395581741,1795395586741,NULL,0,30000,1,0,'lock-1','01M82YMXSDYHG2F2KFG6E0Y77D-1',1795395581742,NULL,'C02__342252993005723000001','0.00025','23.752375',1795395581753,NULL,1795395581753,1795395581753);
INSERT INTO "orders" VALUES(2,'01M82YMXSYJ0D9B2F8PYKZ1NV5','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-2894-2','trade:BTCUSDT:BUY:target-2894-2',5,0,'derived:0565de7b3be9b1e542bdede76a09167a4a1f0849f198400543ce91717cb764d4','2331e698e649aed1bb527886ff923a3e8c0baf771509515a373e57a0d1caed6f',1,NULL,1795395581758,1795395586758,NULL,0,30000,1,0,'lock-2','01M82YMXSYJ0D9B2F8PYKZ1NV5-1',1795395581758,NULL,'C02__342252993005723000002','0','0',1795395581770,NULL,1795395581770,NULL);
INSERT INTO "orders" VALUES(3,'01M82YMXTNBAJBFP15D6353DSH','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-3','trade:BTCUSDT:BUY:target-2894-3',5,0,'derived:9f5e4105cc32ce4c1c58ad2736ad4a4f5e108c09dc4dc77dcffa17ed5e5d5a5f','5e5142c434bdf41238bd8301f8e24c243a5099ce355e2ce6701f1bfe1c4f47d8',0,NULL,1795395581781,1795395586781,NULL,0,30000,1,0,'lock-3','01M82YMXTNBAJBFP15D6353DSH-1',1795395581781,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795395581784,1795395581784);
INSERT INTO "orders" VALUES(4,'01M82YMXTX15MFX79SYF6MYEXA','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-4','trade:BTCUSDT:BUY:target-2894-4',5,0,'derived:2150926cca5773426150fcf2e3483420241c9ccf43299aacaf460166001e9ffb','54c84e3cd88145cd429eda0934d374bb7baac25d1f7b5e200c03b3e9582b0a1e',0,NULL,1795395581789,1795395586789,NULL,0,30000,1,0,'lock-4','01M82YMXTX15MFX79SYF6MYEXA-1',1795395581790,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795395581796,1795395581796);
INSERT INTO "orders" VALUES(5,'01M82YMXVB1PC390A9YZ11WS9Y','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-5','trade:BTCUSDT:BUY:target-2894-5',5,0,'derived:e8f33040db5bbcb9723b95a5c092a8681648453af9cb27f7e6233c6e95bc9d0b','c0cfb7b9c50fa1e097abb6a3a40284cc4dc08d59063446ed7ae4eb1fe6a19076',1,NULL,1795395581803,1795395586803,NULL,0,30000,1,0,'lock-5','01M82YMXVB1PC390A9YZ11WS9Y-1',1795395581803,1795395581808,NULL,'0','0',NULL,'not found in 2 rounds at every witness, 4 s after it was sent; compare with the exchange''s own order list for 01M82YMXVB1PC390A9YZ11WS9Y-1, then rule: sniperd resolve 01M82YMXVB1PC390A9YZ11WS9Y',1795395586386,NULL);
INSERT INTO "orders" VALUES(6,'01M82YN2B1BXQSBBV77949S7J6','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-6','trade:BTCUSDT:BUY:target-2894-6',5,0,'derived:b2bd6e1100a852b4d5c15e05d1a53559250d83522b42b6b4d6f8003d50bdd1e4','ee29791e5f538133f22ca3fd2b91721d8d5ed0cbd01446da7ece799947ed51b9',1,NULL,1795395586401,1795399191400,1795399186400,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795395586401,NULL);
INSERT INTO "orders" VALUES(7,'01M82YN2BADESTSKRXKNYR39HG','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-7','trade:BTCUSDT:BUY:target-2894-7',5,0,'derived:b5b759108951c4d004fc28ec7c6bb00e8e1485dabd73642f13aaf00dca00f905','14960ba3121cea8a2b5d729b495c07dbe5684374423c89bf9942347d89a62048',0,NULL,1795395586410,1795399191409,1795399186409,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795395586423,1795395586423);
INSERT INTO "orders" VALUES(8,'01M82YN2CC8K296SBWJD9S6PPY','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-2894-8','trade:BTCUSDT:BUY:target-2894-8',5,0,'derived:fd905b68efe80d1f753b73c91b3ce307ec62a6d703e60dff5f66ced95a07a098','adb899a1f6a687772a6d38a8ca77db2ea3b7300d81b518460c00264b4ac52e2d',1,NULL,1795395586444,1795395591444,NULL,0,30000,1,0,'lock-7','01M82YN2CC8K296SBWJD9S6PPY-1',1795395586444,1795395586456,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795395586456,NULL);
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
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-2894-1','derived:f0bf6a36885ca232753971149565428007acde8294066623984b0a915c3f3cd0','bot','user','01M82YMXSDYHG2F2KFG6E0Y77D',1795395581742,1795395611742,1795395581748,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M82YMXSDYHG2F2KFG6E0Y77D-1","state":"open"}',NULL,0,1795395581742,1795395581748);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-2894-2','derived:0565de7b3be9b1e542bdede76a09167a4a1f0849f198400543ce91717cb764d4','bot','user','01M82YMXSYJ0D9B2F8PYKZ1NV5',1795395581758,1795395611758,1795395581763,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M82YMXSYJ0D9B2F8PYKZ1NV5-1","state":"open"}',NULL,0,1795395581758,1795395581763);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-2894-3','derived:9f5e4105cc32ce4c1c58ad2736ad4a4f5e108c09dc4dc77dcffa17ed5e5d5a5f','bot','user','01M82YMXTNBAJBFP15D6353DSH',1795395581781,1795395611781,1795395581784,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795395581781,1795395581784);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-2894-4','derived:2150926cca5773426150fcf2e3483420241c9ccf43299aacaf460166001e9ffb','bot','user','01M82YMXTX15MFX79SYF6MYEXA',1795395581790,1795395611790,1795395581796,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795395581790,1795395581796);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-2894-5','derived:e8f33040db5bbcb9723b95a5c092a8681648453af9cb27f7e6233c6e95bc9d0b','bot','user','01M82YMXVB1PC390A9YZ11WS9Y',1795395581803,1795395611803,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795395581803,1795395581803);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M82YN2C1HCGAT37QQFDA5SYW','bot','user',NULL,1795395586433,1795399186433,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795395586433,1795395586433);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-2894-8','derived:fd905b68efe80d1f753b73c91b3ce307ec62a6d703e60dff5f66ced95a07a098','bot','user','01M82YN2CC8K296SBWJD9S6PPY',1795395586444,1795395616444,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795395586444,1795395586444);
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
INSERT INTO "transaction_queue" VALUES('01M82YN2B1BXQSBBV77949S7J6',NULL,'trade:BTCUSDT:BUY:target-2894-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-2894-6"}','derived:b2bd6e1100a852b4d5c15e05d1a53559250d83522b42b6b4d6f8003d50bdd1e4','pending',1795395586401,NULL,NULL,NULL,NULL,0,'bot','user',1795395586401,1795395586401);
INSERT INTO "transaction_queue" VALUES('01M82YN2BADESTSKRXKNYR39HG',NULL,'trade:BTCUSDT:BUY:target-2894-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-2894-7"}','derived:b5b759108951c4d004fc28ec7c6bb00e8e1485dabd73642f13aaf00dca00f905','cancelled',1795395586410,NULL,1795395586423,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795395586410,1795395586423);
CREATE UNIQUE INDEX one_order_per_key ON orders (key) WHERE key_bound = 1;
CREATE INDEX orders_unfinished ON orders (seq) WHERE finished_ms IS NULL;
CREATE INDEX orders_set_aside ON orders (seq) WHERE state = 'dead_letter';
CREATE INDEX events_by_order ON events (order_id, event_id) WHERE order_id IS NOT NULL;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events BEGIN
    SELECT RAISE (ABORT, 'events are append-only');
END;
CREATE UNIQUE INDEX one_active_lock_per_resource ON transaction_locks (resource_id) WHERE status = 'active';
CREATE INDEX leases_by_key ON transaction_locks (idempotency_key) WHERE order_id IS NULL;
CREATE INDEX transaction_locks_finished ON transaction_locks (released_at) WHERE status <> 'active';
CREATE INDEX transaction_queue_pending ON transaction_queue (priority, queued_at) WHERE status = 'pending';
CREATE INDEX transaction_queue_completed ON transaction_queue (completed_at) WHERE completed_at IS NOT NULL;
COMMIT;
PRAGMA application_id = 1936615792;
PRAGMA user_version = 2;
