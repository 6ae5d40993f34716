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
INSERT INTO "attempts" VALUES('01M8MER4GNV8QEQHD0D4H2M04Q-1','01M8MER4GNV8QEQHD0D4H2M04Q',1,'placed',NULL,1795982889494,1795982889554,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MER4GNV8QEQHD0D4H2M04Q-1&recvWindow=1000&timestamp=1795982889523','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99839.77","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795982889522}');
INSERT INTO "attempts" VALUES('01M8MER4M4N87BXMDGNRGRM2CN-1','01M8MER4M4N87BXMDGNRGRM2CN',1,'placed','50000',1795982889604,1795982889626,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M8MER4M4N87BXMDGNRGRM2CN-1&recvWindow=1000&timestamp=1795982889625','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795982889624}');
INSERT INTO "attempts" VALUES('01M8MER4NXPVZC50VC3C0B4PB2-1','01M8MER4NXPVZC50VC3C0B4PB2',1,'refused',NULL,1795982889662,1795982889688,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MER4NXPVZC50VC3C0B4PB2-1&recvWindow=1000&timestamp=1795982889676','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M8MER4Q6G0DPEMSZ3WDRFZ47-1','01M8MER4Q6G0DPEMSZ3WDRFZ47',1,'refused',NULL,1795982889702,1795982889711,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MER4Q6G0DPEMSZ3WDRFZ47-1&recvWindow=1000&timestamp=1795982889709','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M8MER4QWZKRSHHKK6C5TVACK-1','01M8MER4QWZKRSHHKK6C5TVACK',1,'unknown',NULL,1795982889724,1795982889729,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982889729','');
INSERT INTO "attempts" VALUES('01M8MER97Q7DEVZA5ZZPSRNSY5-1','01M8MER97Q7DEVZA5ZZPSRNSY5',1,'unknown',NULL,1795982894327,1795982894332,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M8MER97Q7DEVZA5ZZPSRNSY5-1&recvWindow=1000&timestamp=1795982894330','');
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
INSERT INTO "events" VALUES(1,1795982889493,'order.accepted','uid:0','01M8MER4GNV8QEQHD0D4H2M04Q',NULL,'trade:BTCUSDT:BUY:target-29665-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-1","key":"target:target-29665-1","priority":5,"deadline_ms":1795982894493,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795982889494,'order.sent','daemon','01M8MER4GNV8QEQHD0D4H2M04Q','lock-1','trade:BTCUSDT:BUY:target-29665-1','01M8MER4GNV8QEQHD0D4H2M04Q-1','in_flight','{"attempt":1,"token":1,"waited_ms":1}');
INSERT INTO "events" VALUES(3,1795982889554,'order.placed','daemon','01M8MER4GNV8QEQHD0D4H2M04Q','lock-1','trade:BTCUSDT:BUY:target-29665-1','01M8MER4GNV8QEQHD0D4H2M04Q-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":60}');
INSERT INTO "events" VALUES(4,1795982889583,'order.looked','daemon','01M8MER4GNV8QEQHD0D4H2M04Q','lock-1','trade:BTCUSDT:BUY:target-29665-1','01M8MER4GNV8QEQHD0D4H2M04Q-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000001&recvWindow=1000&timestamp=1795982889574","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4GNV8QEQHD0D4H2M04Q-1\",\"price\":\"99839.77\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.771375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889000,\"updateTime\":1795982889000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9599425\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795982889583,'order.seen','daemon','01M8MER4GNV8QEQHD0D4H2M04Q','lock-1','trade:BTCUSDT:BUY:target-29665-1','01M8MER4GNV8QEQHD0D4H2M04Q-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.771375","was":"open"}');
INSERT INTO "events" VALUES(6,1795982889604,'order.accepted','uid:0','01M8MER4M4N87BXMDGNRGRM2CN',NULL,'trade:BTCUSDT:BUY:target-29665-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-29665-2","key":"target:target-29665-2","priority":5,"deadline_ms":1795982894604,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795982889604,'order.sent','daemon','01M8MER4M4N87BXMDGNRGRM2CN','lock-2','trade:BTCUSDT:BUY:target-29665-2','01M8MER4M4N87BXMDGNRGRM2CN-1','in_flight','{"attempt":1,"token":2,"waited_ms":0}');
INSERT INTO "events" VALUES(8,1795982889626,'order.placed','daemon','01M8MER4M4N87BXMDGNRGRM2CN','lock-2','trade:BTCUSDT:BUY:target-29665-2','01M8MER4M4N87BXMDGNRGRM2CN-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":22}');
INSERT INTO "events" VALUES(9,1795982889654,'order.looked','daemon','01M8MER4M4N87BXMDGNRGRM2CN','lock-2','trade:BTCUSDT:BUY:target-29665-2','01M8MER4M4N87BXMDGNRGRM2CN-1','open','{"witness":"order_id","asked":"GET /api/v3/order?symbol=BTCUSDT&orderId=C02__342252993005723000002&recvWindow=1000&timestamp=1795982889645","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4M4N87BXMDGNRGRM2CN-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889000,\"updateTime\":1795982889000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795982889654,'order.seen','daemon','01M8MER4M4N87BXMDGNRGRM2CN','lock-2','trade:BTCUSDT:BUY:target-29665-2','01M8MER4M4N87BXMDGNRGRM2CN-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795982889661,'order.accepted','uid:0','01M8MER4NXPVZC50VC3C0B4PB2',NULL,'trade:BTCUSDT:BUY:target-29665-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-3","key":"target:target-29665-3","priority":5,"deadline_ms":1795982894661,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795982889662,'order.sent','daemon','01M8MER4NXPVZC50VC3C0B4PB2','lock-3','trade:BTCUSDT:BUY:target-29665-3','01M8MER4NXPVZC50VC3C0B4PB2-1','in_flight','{"attempt":1,"token":3,"waited_ms":1}');
INSERT INTO "events" VALUES(13,1795982889688,'order.rejected','daemon','01M8MER4NXPVZC50VC3C0B4PB2','lock-3','trade:BTCUSDT:BUY:target-29665-3','01M8MER4NXPVZC50VC3C0B4PB2-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795982889702,'order.accepted','uid:0','01M8MER4Q6G0DPEMSZ3WDRFZ47',NULL,'trade:BTCUSDT:BUY:target-29665-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-4","key":"target:target-29665-4","priority":5,"deadline_ms":1795982894702,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795982889702,'order.sent','daemon','01M8MER4Q6G0DPEMSZ3WDRFZ47','lock-4','trade:BTCUSDT:BUY:target-29665-4','01M8MER4Q6G0DPEMSZ3WDRFZ47-1','in_flight','{"attempt":1,"token":4,"waited_ms":0}');
INSERT INTO "events" VALUES(16,1795982889711,'order.dead_letter','daemon','01M8MER4Q6G0DPEMSZ3WDRFZ47','lock-4','trade:BTCUSDT:BUY:target-29665-4','01M8MER4Q6G0DPEMSZ3WDRFZ47-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795982889724,'order.accepted','uid:0','01M8MER4QWZKRSHHKK6C5TVACK',NULL,'trade:BTCUSDT:BUY:target-29665-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-5","key":"target:target-29665-5","priority":5,"deadline_ms":1795982894724,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795982889724,'order.sent','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795982889729,'order.in_doubt','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795982889739,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982889737","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795982889764,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982889765","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795982889806,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982889806","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795982889904,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982889892","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795982890066,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982890066","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795982890388,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982890388","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795982891030,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982891030","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795982891726,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982891726","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795982891726,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795982891728","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4M4N87BXMDGNRGRM2CN-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889624,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795982891728,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795982829726&limit=1000&recvWindow=1000&timestamp=1795982891729","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4M4N87BXMDGNRGRM2CN-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889000,\"updateTime\":1795982889000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4GNV8QEQHD0D4H2M04Q-1\",\"price\":\"99839.77\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795982891729,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795982829726&limit=100&recvWindow=1000&timestamp=1795982891730","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95085.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.771375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795982889000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MER4GNV8QEQHD0D4H2M04Q-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795982894292,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER4QWZKRSHHKK6C5TVACK-1&recvWindow=1000&timestamp=1795982894292","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795982894293,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795982894294","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4M4N87BXMDGNRGRM2CN-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889624,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795982894294,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795982829726&limit=1000&recvWindow=1000&timestamp=1795982894295","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4M4N87BXMDGNRGRM2CN-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795982889000,\"updateTime\":1795982889000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M8MER4GNV8QEQHD0D4H2M04Q-1\",\"price\":\"99839.77\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795982894295,'order.looked','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795982829726&limit=100&recvWindow=1000&timestamp=1795982894296","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95085.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.771375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795982889000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M8MER4GNV8QEQHD0D4H2M04Q-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795982894295,'order.lost','daemon','01M8MER4QWZKRSHHKK6C5TVACK','lock-5','trade:BTCUSDT:BUY:target-29665-5','01M8MER4QWZKRSHHKK6C5TVACK-1','lost','{"reason":"not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MER4QWZKRSHHKK6C5TVACK-, whatever its number, then rule: sniperd resolve 01M8MER4QWZKRSHHKK6C5TVACK"}');
INSERT INTO "events" VALUES(36,1795982894307,'order.accepted','uid:0','01M8MER9732PSKTMW73S8SDMCB',NULL,'trade:BTCUSDT:BUY:target-29665-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-6","key":"target:target-29665-6","priority":5,"deadline_ms":1795986499306,"execute_at_ms":1795986494306}');
INSERT INTO "events" VALUES(37,1795982894312,'order.accepted','uid:0','01M8MER978WPT8BX7T5DEKG80J',NULL,'trade:BTCUSDT:BUY:target-29665-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-7","key":"target:target-29665-7","priority":5,"deadline_ms":1795986499311,"execute_at_ms":1795986494311}');
INSERT INTO "events" VALUES(38,1795982894315,'order.withdrawn','uid:0','01M8MER978WPT8BX7T5DEKG80J',NULL,'trade:BTCUSDT:BUY:target-29665-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795982894327,'order.accepted','uid:0','01M8MER97Q7DEVZA5ZZPSRNSY5',NULL,'trade:BTCUSDT:BUY:target-29665-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-29665-8","key":"target:target-29665-8","priority":5,"deadline_ms":1795982899327,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795982894327,'order.sent','daemon','01M8MER97Q7DEVZA5ZZPSRNSY5','lock-7','trade:BTCUSDT:BUY:target-29665-8','01M8MER97Q7DEVZA5ZZPSRNSY5-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795982894332,'order.in_doubt','daemon','01M8MER97Q7DEVZA5ZZPSRNSY5','lock-7','trade:BTCUSDT:BUY:target-29665-8','01M8MER97Q7DEVZA5ZZPSRNSY5-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795982894340,'order.looked','daemon','01M8MER97Q7DEVZA5ZZPSRNSY5','lock-7','trade:BTCUSDT:BUY:target-29665-8','01M8MER97Q7DEVZA5ZZPSRNSY5-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M8MER97Q7DEVZA5ZZPSRNSY5-1&recvWindow=1000&timestamp=1795982894335","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
INSERT INTO "events" VALUES(43,1795982894342,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"dee52863-83ca-48ae-872e-89eb65ae6836","boot_ms":2978148,"unix_ms":1795982889443}');
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
INSERT INTO "orders" VALUES(1,'01M8MER4GNV8QEQHD0D4H2M04Q','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-1','trade:BTCUSDT:BUY:target-29665-1',5,0,'target:target-29665-1','52293006db14d07207b2bd60be6e3f6f4bcfb8774bd9ff164f9cf66af1312b40',1,NULL,1795982889493,1795982894493,NULL,0,30000,1,0,'lock-1','01M8MER4GNV8QEQHD0D4H2M04Q-1',1795982889494,NULL,'C02__342252993005723000001','0.00025','23.771375',1795982889583,NULL,1795982889583,1795982889583,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(2,'01M8MER4M4N87BXMDGNRGRM2CN','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-29665-2','trade:BTCUSDT:BUY:target-29665-2',5,0,'target:target-29665-2','36beeb09a46526da654a99b86385b9a91e0cc548a73d7fb9a33fb6cb3e62cfc3',1,NULL,1795982889604,1795982894604,NULL,0,30000,1,0,'lock-2','01M8MER4M4N87BXMDGNRGRM2CN-1',1795982889604,NULL,'C02__342252993005723000002','0','0',1795982889654,NULL,1795982889654,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(3,'01M8MER4NXPVZC50VC3C0B4PB2','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-3','trade:BTCUSDT:BUY:target-29665-3',5,0,'target:target-29665-3','e0001ef0abe47ae71e9ebcf1f1815c687597c996e8583b21f5a93042616d1d4f',0,NULL,1795982889661,1795982894661,NULL,0,30000,1,0,'lock-3','01M8MER4NXPVZC50VC3C0B4PB2-1',1795982889662,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795982889688,1795982889688,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(4,'01M8MER4Q6G0DPEMSZ3WDRFZ47','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-4','trade:BTCUSDT:BUY:target-29665-4',5,0,'target:target-29665-4','8c56d80d212b3bb6545c65987213089da68a73534986b35a27643e74d2767603',0,NULL,1795982889702,1795982894702,NULL,0,30000,1,0,'lock-4','01M8MER4Q6G0DPEMSZ3WDRFZ47-1',1795982889702,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795982889711,1795982889711,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(5,'01M8MER4QWZKRSHHKK6C5TVACK','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-5','trade:BTCUSDT:BUY:target-29665-5',5,0,'target:target-29665-5','fbb356fd54df8fd6c2194ca247cce38ba248c159d9f6310615f12f0cdfb6cbac',1,NULL,1795982889724,1795982894724,NULL,0,30000,1,0,'lock-5','01M8MER4QWZKRSHHKK6C5TVACK-1',1795982889724,1795982889729,NULL,'0','0',NULL,'not found in 2 complete searches, 4 s after it was sent; compare with the exchange''s own order list for every client order id that begins with 01M8MER4QWZKRSHHKK6C5TVACK-, whatever its number, then rule: sniperd resolve 01M8MER4QWZKRSHHKK6C5TVACK',1795982894295,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(6,'01M8MER9732PSKTMW73S8SDMCB','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-6','trade:BTCUSDT:BUY:target-29665-6',5,0,'target:target-29665-6','594ac15bee795f288ac233260e5fae419755d034e08bc3f7f9b72fe538a71dee',1,NULL,1795982894307,1795986499306,1795986494306,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795982894307,NULL,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(7,'01M8MER978WPT8BX7T5DEKG80J','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-7','trade:BTCUSDT:BUY:target-29665-7',5,0,'target:target-29665-7','9a8bdc10f0141666e3efa492c62449d4e32c2412347cadd190ec057172b49dfc',0,NULL,1795982894312,1795986499311,1795986494311,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795982894315,1795982894315,NULL,NULL,NULL);
INSERT INTO "orders" VALUES(8,'01M8MER97Q7DEVZA5ZZPSRNSY5','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-29665-8','trade:BTCUSDT:BUY:target-29665-8',5,0,'target:target-29665-8','d44aa1fafc48d0a2d9dc52a3af79ee4a288f01de45a77a2076c28439b315d9fd',1,NULL,1795982894327,1795982899327,NULL,0,30000,1,0,'lock-7','01M8MER97Q7DEVZA5ZZPSRNSY5-1',1795982894327,1795982894332,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795982894332,NULL,NULL,NULL,NULL);
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
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-29665-1','target:target-29665-1','bot','user','01M8MER4GNV8QEQHD0D4H2M04Q',1795982889494,1795982919494,1795982889554,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M8MER4GNV8QEQHD0D4H2M04Q-1","state":"open"}',NULL,0,1795982889494,1795982889554);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-29665-2','target:target-29665-2','bot','user','01M8MER4M4N87BXMDGNRGRM2CN',1795982889604,1795982919604,1795982889626,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M8MER4M4N87BXMDGNRGRM2CN-1","state":"open"}',NULL,0,1795982889604,1795982889626);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-29665-3','target:target-29665-3','bot','user','01M8MER4NXPVZC50VC3C0B4PB2',1795982889662,1795982919662,1795982889688,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795982889662,1795982889688);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-29665-4','target:target-29665-4','bot','user','01M8MER4Q6G0DPEMSZ3WDRFZ47',1795982889702,1795982919702,1795982889711,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795982889702,1795982889711);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-29665-5','target:target-29665-5','bot','user','01M8MER4QWZKRSHHKK6C5TVACK',1795982889724,1795982919724,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795982889724,1795982889724);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M8MER97MQQMQKMAXXX4MCV9W','bot','user',NULL,1795982894324,1795986494324,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795982894324,1795982894324);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-29665-8','target:target-29665-8','bot','user','01M8MER97Q7DEVZA5ZZPSRNSY5',1795982894327,1795982924327,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795982894327,1795982894327);
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
INSERT INTO "transaction_queue" VALUES('01M8MER9732PSKTMW73S8SDMCB',NULL,'trade:BTCUSDT:BUY:target-29665-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-29665-6"}','target:target-29665-6','pending',1795982894307,NULL,NULL,NULL,NULL,0,'bot','user',1795982894307,1795982894307);
INSERT INTO "transaction_queue" VALUES('01M8MER978WPT8BX7T5DEKG80J',NULL,'trade:BTCUSDT:BUY:target-29665-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-29665-7"}','target:target-29665-7','cancelled',1795982894312,NULL,1795982894315,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795982894312,1795982894315);
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
