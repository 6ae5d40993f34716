BEGIN TRANSACTION;
CREATE TABLE attempts (
    client_order_id   TEXT PRIMARY KEY,     -- what the exchange knows it by
    order_id          TEXT NOT NULL,
    number            INTEGER NOT NULL,     -- from 1
    state             TEXT NOT NULL CHECK (state IN ('in_flight', 'placed', 'refused', 'unknown', 'not_sent')),
    price             TEXT,                 -- as sent
    started_ms        INTEGER NOT NULL,     -- when it was decided and made durable, before any byte was sent
    answered_ms       INTEGER,
    code              TEXT,                 -- the exchange's code, or our word for a failure to connect
    message           TEXT,
    exchange_order_id TEXT,
    asked             TEXT,                 -- the request without its signature
    answered          TEXT                  -- the raw answer, bounded
) STRICT, WITHOUT ROWID;
INSERT INTO "attempts" VALUES('01M82KGBMFY03GZFZ366NAXBXB-1','01M82KGBMFY03GZFZ366NAXBXB',1,'placed',NULL,1795383897743,1795383897750,NULL,NULL,'C02__342252993005723000001','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82KGBMFY03GZFZ366NAXBXB-1&recvWindow=1000&timestamp=1795383897747','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000001","orderListId":-1,"price":"99759.97","origQty":"0.00025","type":"MARKET","side":"BUY","transactTime":1795383897747}');
INSERT INTO "attempts" VALUES('01M82KGBN1ADAZ3QB5H5MBVAN0-1','01M82KGBN1ADAZ3QB5H5MBVAN0',1,'placed','50000',1795383897762,1795383897765,NULL,NULL,'C02__342252993005723000002','POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=0.001&price=50000&newClientOrderId=01M82KGBN1ADAZ3QB5H5MBVAN0-1&recvWindow=1000&timestamp=1795383897765','HTTP 200 {"symbol":"BTCUSDT","orderId":"C02__342252993005723000002","orderListId":-1,"price":"50000","origQty":"0.001","type":"LIMIT","side":"BUY","transactTime":1795383897764}');
INSERT INTO "attempts" VALUES('01M82KGBNQ7JJ15ADTQE9R15TJ-1','01M82KGBNQ7JJ15ADTQE9R15TJ',1,'refused',NULL,1795383897784,1795383897789,'30004','Insufficient position',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82KGBNQ7JJ15ADTQE9R15TJ-1&recvWindow=1000&timestamp=1795383897787','HTTP 400 {"msg":"Insufficient position","code":30004}');
INSERT INTO "attempts" VALUES('01M82KGBPCZ42PTE9HV313AHF8-1','01M82KGBPCZ42PTE9HV313AHF8',1,'refused',NULL,1795383897804,1795383897809,'30002','The minimum transaction volume cannot be less than:',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82KGBPCZ42PTE9HV313AHF8-1&recvWindow=1000&timestamp=1795383897807','HTTP 400 {"msg":"The minimum transaction volume cannot be less than:","code":30002}');
INSERT INTO "attempts" VALUES('01M82KGBPRGWTJ532HV231XZCM-1','01M82KGBPRGWTJ532HV231XZCM',1,'unknown',NULL,1795383897816,1795383897819,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383897819','');
INSERT INTO "attempts" VALUES('01M82KGG867FQZ2WJDGR66B19N-1','01M82KGG867FQZ2WJDGR66B19N',1,'unknown',NULL,1795383902470,1795383902484,NULL,'ServerDisconnectedError: Server disconnected',NULL,'POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&newClientOrderId=01M82KGG867FQZ2WJDGR66B19N-1&recvWindow=1000&timestamp=1795383902473','');
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
INSERT INTO "events" VALUES(1,1795383897743,'order.accepted','uid:0','01M82KGBMFY03GZFZ366NAXBXB',NULL,'trade:BTCUSDT:BUY:target-16660-1',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-1","key":"derived:4f16811e0a1a467690a8f78b03243eea8f68a64a5c3738ebd5655df91f8976ad","priority":5,"deadline_ms":1795383902743,"execute_at_ms":null}');
INSERT INTO "events" VALUES(2,1795383897743,'order.sent','daemon','01M82KGBMFY03GZFZ366NAXBXB','lock-1','trade:BTCUSDT:BUY:target-16660-1','01M82KGBMFY03GZFZ366NAXBXB-1','in_flight','{"attempt":1,"token":1,"waited_ms":0}');
INSERT INTO "events" VALUES(3,1795383897750,'order.placed','daemon','01M82KGBMFY03GZFZ366NAXBXB','lock-1','trade:BTCUSDT:BUY:target-16660-1','01M82KGBMFY03GZFZ366NAXBXB-1','open','{"exchange_order_id":"C02__342252993005723000001","took_ms":7}');
INSERT INTO "events" VALUES(4,1795383897754,'order.looked','daemon','01M82KGBMFY03GZFZ366NAXBXB','lock-1','trade:BTCUSDT:BUY:target-16660-1','01M82KGBMFY03GZFZ366NAXBXB-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBMFY03GZFZ366NAXBXB-1&recvWindow=1000&timestamp=1795383897754","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBMFY03GZFZ366NAXBXB-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"0.00025\",\"cummulativeQuoteQty\":\"23.752375\",\"status\":\"FILLED\",\"timeInForce\":null,\"type\":\"MARKET\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897000,\"updateTime\":1795383897000,\"isWorking\":true,\"origQuoteOrderQty\":\"24.9399925\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(5,1795383897754,'order.seen','daemon','01M82KGBMFY03GZFZ366NAXBXB','lock-1','trade:BTCUSDT:BUY:target-16660-1','01M82KGBMFY03GZFZ366NAXBXB-1','filled','{"exchange_order_id":"C02__342252993005723000001","executed_quantity":"0.00025","executed_quote":"23.752375","was":"open"}');
INSERT INTO "events" VALUES(6,1795383897761,'order.accepted','uid:0','01M82KGBN1ADAZ3QB5H5MBVAN0',NULL,'trade:BTCUSDT:BUY:target-16660-2',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.001","quote_quantity":null,"price":"50000","owner_id":"bot","target_id":"target-16660-2","key":"derived:2b8098c0fc85a4e974dc31e01437174ec1167de10c97a9f97ca5472a9a8bf64c","priority":5,"deadline_ms":1795383902761,"execute_at_ms":null}');
INSERT INTO "events" VALUES(7,1795383897762,'order.sent','daemon','01M82KGBN1ADAZ3QB5H5MBVAN0','lock-2','trade:BTCUSDT:BUY:target-16660-2','01M82KGBN1ADAZ3QB5H5MBVAN0-1','in_flight','{"attempt":1,"token":2,"waited_ms":1}');
INSERT INTO "events" VALUES(8,1795383897765,'order.placed','daemon','01M82KGBN1ADAZ3QB5H5MBVAN0','lock-2','trade:BTCUSDT:BUY:target-16660-2','01M82KGBN1ADAZ3QB5H5MBVAN0-1','open','{"exchange_order_id":"C02__342252993005723000002","took_ms":3}');
INSERT INTO "events" VALUES(9,1795383897767,'order.looked','daemon','01M82KGBN1ADAZ3QB5H5MBVAN0','lock-2','trade:BTCUSDT:BUY:target-16660-2','01M82KGBN1ADAZ3QB5H5MBVAN0-1','open','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBN1ADAZ3QB5H5MBVAN0-1&recvWindow=1000&timestamp=1795383897768","answered":"HTTP 200 {\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBN1ADAZ3QB5H5MBVAN0-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897000,\"updateTime\":1795383897000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null} (1 shown)","failed":false,"found":true}');
INSERT INTO "events" VALUES(10,1795383897767,'order.seen','daemon','01M82KGBN1ADAZ3QB5H5MBVAN0','lock-2','trade:BTCUSDT:BUY:target-16660-2','01M82KGBN1ADAZ3QB5H5MBVAN0-1','open','{"exchange_order_id":"C02__342252993005723000002","executed_quantity":"0","executed_quote":"0","was":"open"}');
INSERT INTO "events" VALUES(11,1795383897783,'order.accepted','uid:0','01M82KGBNQ7JJ15ADTQE9R15TJ',NULL,'trade:BTCUSDT:BUY:target-16660-3',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-3","key":"derived:d9846ee98d6eb61c362550a4b8f11acac43cc7002a7344717c119a710b534465","priority":5,"deadline_ms":1795383902783,"execute_at_ms":null}');
INSERT INTO "events" VALUES(12,1795383897784,'order.sent','daemon','01M82KGBNQ7JJ15ADTQE9R15TJ','lock-3','trade:BTCUSDT:BUY:target-16660-3','01M82KGBNQ7JJ15ADTQE9R15TJ-1','in_flight','{"attempt":1,"token":3,"waited_ms":1}');
INSERT INTO "events" VALUES(13,1795383897789,'order.rejected','daemon','01M82KGBNQ7JJ15ADTQE9R15TJ','lock-3','trade:BTCUSDT:BUY:target-16660-3','01M82KGBNQ7JJ15ADTQE9R15TJ-1','rejected','{"reason":"refused (30004): Insufficient position"}');
INSERT INTO "events" VALUES(14,1795383897804,'order.accepted','uid:0','01M82KGBPCZ42PTE9HV313AHF8',NULL,'trade:BTCUSDT:BUY:target-16660-4',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-4","key":"derived:69122590945bf893c7e52ee293a6f437819d49777ed53bd67ad652b0c95eee22","priority":5,"deadline_ms":1795383902804,"execute_at_ms":null}');
INSERT INTO "events" VALUES(15,1795383897804,'order.sent','daemon','01M82KGBPCZ42PTE9HV313AHF8','lock-4','trade:BTCUSDT:BUY:target-16660-4','01M82KGBPCZ42PTE9HV313AHF8-1','in_flight','{"attempt":1,"token":4,"waited_ms":0}');
INSERT INTO "events" VALUES(16,1795383897809,'order.dead_letter','daemon','01M82KGBPCZ42PTE9HV313AHF8','lock-4','trade:BTCUSDT:BUY:target-16660-4','01M82KGBPCZ42PTE9HV313AHF8-1','dead_letter','{"reason":"refused (30002): The minimum transaction volume cannot be less than:"}');
INSERT INTO "events" VALUES(17,1795383897816,'order.accepted','uid:0','01M82KGBPRGWTJ532HV231XZCM',NULL,'trade:BTCUSDT:BUY:target-16660-5',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-5","key":"derived:8b50ab75291d7556ecca649ccf3e56105f9eadc4e83f75a5dbd2ae25d5129785","priority":5,"deadline_ms":1795383902816,"execute_at_ms":null}');
INSERT INTO "events" VALUES(18,1795383897816,'order.sent','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_flight','{"attempt":1,"token":5,"waited_ms":0}');
INSERT INTO "events" VALUES(19,1795383897819,'order.in_doubt','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(20,1795383897822,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383897823","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(21,1795383897844,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383897846","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(22,1795383897886,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383897887","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(23,1795383897968,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383897969","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(24,1795383898131,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383898132","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(25,1795383898454,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383898455","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(26,1795383899097,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383899098","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(27,1795383899819,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383899820","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(28,1795383899824,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795383899822","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBN1ADAZ3QB5H5MBVAN0-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897764,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(29,1795383899826,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795383837819&limit=1000&recvWindow=1000&timestamp=1795383899827","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBN1ADAZ3QB5H5MBVAN0-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897000,\"updateTime\":1795383897000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBMFY03GZFZ366NAXBXB-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(30,1795383899831,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795383837819&limit=100&recvWindow=1000&timestamp=1795383899830","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795383897000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M82KGBMFY03GZFZ366NAXBXB-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(31,1795383902395,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGBPRGWTJ532HV231XZCM-1&recvWindow=1000&timestamp=1795383902396","answered":"HTTP 400 {\"msg\":\"Order does not exist.\",\"code\":-2013,\"_extend\":null}","failed":false,"found":false}');
INSERT INTO "events" VALUES(32,1795383902397,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"open_orders","asked":"GET /api/v3/openOrders?symbol=BTCUSDT&recvWindow=1000&timestamp=1795383902398","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBN1ADAZ3QB5H5MBVAN0-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897764,\"updateTime\":null,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(33,1795383902399,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"all_orders","asked":"GET /api/v3/allOrders?symbol=BTCUSDT&startTime=1795383837819&limit=1000&recvWindow=1000&timestamp=1795383902400","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000002\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBN1ADAZ3QB5H5MBVAN0-1\",\"price\":\"50000\",\"origQty\":\"0.001\",\"executedQty\":\"0\",\"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"timeInForce\":null,\"type\":\"LIMIT\",\"side\":\"BUY\",\"stopPrice\":null,\"icebergQty\":null,\"time\":1795383897000,\"updateTime\":1795383897000,\"isWorking\":true,\"origQuoteOrderQty\":\"50\",\"stpMode\":\"\",\"cancelReason\":null},{\"symbol\":\"BTCUSDT\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"clientOrderId\":\"01M82KGBMFY03GZFZ366NAXBXB-1\",\"price\":\"99759.97\",\"origQty\":\"0.00025\",\"executedQty\":\"… (2 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(34,1795383902401,'order.looked','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','in_doubt','{"witness":"my_trades","asked":"GET /api/v3/myTrades?symbol=BTCUSDT&startTime=1795383837819&limit=100&recvWindow=1000&timestamp=1795383902402","answered":"HTTP 200 [{\"symbol\":\"BTCUSDT\",\"id\":\"342252993005723001X1\",\"orderId\":\"C02__342252993005723000001\",\"orderListId\":-1,\"price\":\"95009.5\",\"qty\":\"0.00025\",\"quoteQty\":\"23.752375\",\"commission\":\"0.000000125\",\"commissionAsset\":\"BTC\",\"time\":1795383897000,\"isBuyer\":true,\"isMaker\":false,\"isBestMatch\":true,\"isSelfTrade\":false,\"clientOrderId\":\"01M82KGBMFY03GZFZ366NAXBXB-1\"}] (1 shown)","failed":false,"found":false}');
INSERT INTO "events" VALUES(35,1795383902401,'order.lost','daemon','01M82KGBPRGWTJ532HV231XZCM','lock-5','trade:BTCUSDT:BUY:target-16660-5','01M82KGBPRGWTJ532HV231XZCM-1','lost','{"reason":"not found in 2 rounds at every witness since 1795383897816; compare with the exchange''s own order list for 01M82KGBPRGWTJ532HV231XZCM-1, then rule: sniperd resolve 01M82KGBPRGWTJ532HV231XZCM"}');
INSERT INTO "events" VALUES(36,1795383902423,'order.accepted','uid:0','01M82KGG6QF76ZCMA2WFYKF1V1',NULL,'trade:BTCUSDT:BUY:target-16660-6',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-6","key":"derived:6140e1fa011a97b95fef90a8dfaea4a42c28fc074a1b0f5940c18398195a34b9","priority":5,"deadline_ms":1795387507423,"execute_at_ms":1795387502423}');
INSERT INTO "events" VALUES(37,1795383902437,'order.accepted','uid:0','01M82KGG75C4G36GMHMNQZ8F9P',NULL,'trade:BTCUSDT:BUY:target-16660-7',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-7","key":"derived:aa5b7fb425428a0c38f9409dc184ca587dd2a2feb3e81d3f6bd4fa57290997a6","priority":5,"deadline_ms":1795387507435,"execute_at_ms":1795387502435}');
INSERT INTO "events" VALUES(38,1795383902446,'order.withdrawn','uid:0','01M82KGG75C4G36GMHMNQZ8F9P',NULL,'trade:BTCUSDT:BUY:target-16660-7',NULL,'withdrawn','{"reason":"cancelled by the caller"}');
INSERT INTO "events" VALUES(39,1795383902470,'order.accepted','uid:0','01M82KGG867FQZ2WJDGR66B19N',NULL,'trade:BTCUSDT:BUY:target-16660-8',NULL,'queued','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quote_quantity":"25","price":null,"owner_id":"bot","target_id":"target-16660-8","key":"derived:19dec454b2f0d4498bd2bb3653a5c2c9aa8b6c3c3a6d977e32403257d28bcafa","priority":5,"deadline_ms":1795383907470,"execute_at_ms":null}');
INSERT INTO "events" VALUES(40,1795383902470,'order.sent','daemon','01M82KGG867FQZ2WJDGR66B19N','lock-7','trade:BTCUSDT:BUY:target-16660-8','01M82KGG867FQZ2WJDGR66B19N-1','in_flight','{"attempt":1,"token":7,"waited_ms":0}');
INSERT INTO "events" VALUES(41,1795383902484,'order.in_doubt','daemon','01M82KGG867FQZ2WJDGR66B19N','lock-7','trade:BTCUSDT:BUY:target-16660-8','01M82KGG867FQZ2WJDGR66B19N-1','in_doubt','{"reason":"ServerDisconnectedError: Server disconnected"}');
INSERT INTO "events" VALUES(42,1795383902490,'order.looked','daemon','01M82KGG867FQZ2WJDGR66B19N','lock-7','trade:BTCUSDT:BUY:target-16660-8','01M82KGG867FQZ2WJDGR66B19N-1','in_doubt','{"witness":"order","asked":"GET /api/v3/order?symbol=BTCUSDT&origClientOrderId=01M82KGG867FQZ2WJDGR66B19N-1&recvWindow=1000&timestamp=1795383902487","answered":"HTTP 503 {\"code\":503,\"msg\":\"execution status unknown\"}","failed":true,"found":false}');
INSERT INTO "events" VALUES(43,1795383902502,'trading.halted','uid:0',NULL,NULL,NULL,NULL,NULL,'{"reason":"the end of the day"}');
CREATE TABLE facts (
    name              TEXT PRIMARY KEY,     -- halted, clock
    value             TEXT NOT NULL         -- the reason of the halt; the clock's anchor as JSON
) STRICT, WITHOUT ROWID;
INSERT INTO "facts" VALUES('clock','{"boot_id":"ffbc9b18-6a13-4b95-bef7-e48d3823b1b6","boot_ms":27018479,"unix_ms":1795383897718}');
INSERT INTO "facts" VALUES('halted','the end of the day');
CREATE TABLE orders (
    seq               INTEGER PRIMARY KEY,  -- order of acceptance, from 1
    order_id          TEXT NOT NULL UNIQUE,
    state             TEXT NOT NULL CHECK (state IN (
        'queued', 'armed', 'in_flight', 'in_doubt', 'open', 'partially_filled', 'filled', 'canceled',
        'partially_canceled', 'rejected', 'expired', 'withdrawn', 'lost', 'dead_letter')),
    symbol            TEXT NOT NULL,        -- BTCUSDT
    side              TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
    type              TEXT NOT NULL CHECK (type IN (
        'LIMIT', 'MARKET', 'LIMIT_MAKER', 'IMMEDIATE_OR_CANCEL', 'FILL_OR_KILL')),
    quantity          TEXT,                 -- base units asked
    quote_quantity    TEXT,                 -- quote units asked (MARKET)
    price             TEXT,                 -- quote per base unit; changes once when re-priced to a cap
    last_price        TEXT,                 -- the exchange's at acceptance, where a guard asked for it
    owner_id          TEXT NOT NULL,        -- who asked
    target_id         TEXT,                 -- the bot's snipeTargetId
    resource          TEXT NOT NULL,        -- what its lock is for
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),  -- 1 is most urgent
    skip_lock         INTEGER NOT NULL CHECK (skip_lock IN (0, 1)),        -- emergency sell
    key               TEXT NOT NULL,        -- idempotency key
    fingerprint       TEXT NOT NULL,        -- SHA-256 of what would be traded
    key_bound         INTEGER NOT NULL CHECK (key_bound IN (0, 1)),  -- 1 while no other order can have the key
    key_until_ms      INTEGER,              -- until when a derived key counts against a finished order
    accepted_ms       INTEGER NOT NULL,
    deadline_ms       INTEGER NOT NULL,     -- last instant at which it may be sent
    execute_at_ms     INTEGER,              -- instant at which it is to be sent
    not_before_ms     INTEGER NOT NULL,     -- earliest next attempt
    timeout_ms        INTEGER NOT NULL,     -- lease of its lock
    attempts          INTEGER NOT NULL,     -- requests so far that may have reached the exchange
    repriced          INTEGER NOT NULL CHECK (repriced IN (0, 1)),
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
INSERT INTO "orders" VALUES(1,'01M82KGBMFY03GZFZ366NAXBXB','filled','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-1','trade:BTCUSDT:BUY:target-16660-1',5,0,'derived:4f16811e0a1a467690a8f78b03243eea8f68a64a5c3738ebd5655df91f8976ad','3dba50d7e668cdfda174e1bca6a4ba918c1d60cd0180a688ef3105c62c710021',1,NULL,1795383897743,1795383902743,NULL,0,30000,1,0,'lock-1','01M82KGBMFY03GZFZ366NAXBXB-1',1795383897743,NULL,'C02__342252993005723000001','0.00025','23.752375',1795383897754,NULL,1795383897754,1795383897754);
INSERT INTO "orders" VALUES(2,'01M82KGBN1ADAZ3QB5H5MBVAN0','open','BTCUSDT','BUY','LIMIT','0.001',NULL,'50000',NULL,'bot','target-16660-2','trade:BTCUSDT:BUY:target-16660-2',5,0,'derived:2b8098c0fc85a4e974dc31e01437174ec1167de10c97a9f97ca5472a9a8bf64c','31845406d754f3ab3477f25f950ebbef493830a260aefc07651c32ed470f6d39',1,NULL,1795383897761,1795383902761,NULL,0,30000,1,0,'lock-2','01M82KGBN1ADAZ3QB5H5MBVAN0-1',1795383897762,NULL,'C02__342252993005723000002','0','0',1795383897767,NULL,1795383897767,NULL);
INSERT INTO "orders" VALUES(3,'01M82KGBNQ7JJ15ADTQE9R15TJ','rejected','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-3','trade:BTCUSDT:BUY:target-16660-3',5,0,'derived:d9846ee98d6eb61c362550a4b8f11acac43cc7002a7344717c119a710b534465','2162cbbfea4f2ed32a2ea19584e6a6523ef533cf8d6c7c20bcd82bb8b6ed34db',0,NULL,1795383897783,1795383902783,NULL,0,30000,1,0,'lock-3','01M82KGBNQ7JJ15ADTQE9R15TJ-1',1795383897784,NULL,NULL,'0','0',NULL,'refused (30004): Insufficient position',1795383897789,1795383897789);
INSERT INTO "orders" VALUES(4,'01M82KGBPCZ42PTE9HV313AHF8','dead_letter','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-4','trade:BTCUSDT:BUY:target-16660-4',5,0,'derived:69122590945bf893c7e52ee293a6f437819d49777ed53bd67ad652b0c95eee22','9894bfeb6e6944553bf61d5afdbc7a8979a590d931e3119098911ed64f16d306',0,NULL,1795383897804,1795383902804,NULL,0,30000,1,0,'lock-4','01M82KGBPCZ42PTE9HV313AHF8-1',1795383897804,NULL,NULL,'0','0',NULL,'refused (30002): The minimum transaction volume cannot be less than:',1795383897809,1795383897809);
INSERT INTO "orders" VALUES(5,'01M82KGBPRGWTJ532HV231XZCM','lost','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-5','trade:BTCUSDT:BUY:target-16660-5',5,0,'derived:8b50ab75291d7556ecca649ccf3e56105f9eadc4e83f75a5dbd2ae25d5129785','b876bdaa2557c338a0fdff8a80a0b61642d89729193c4cea0d6a61d6ee1ef3c1',1,NULL,1795383897816,1795383902816,NULL,0,30000,1,0,'lock-5','01M82KGBPRGWTJ532HV231XZCM-1',1795383897816,1795383897819,NULL,'0','0',NULL,'not found in 2 rounds at every witness since 1795383897816; compare with the exchange''s own order list for 01M82KGBPRGWTJ532HV231XZCM-1, then rule: sniperd resolve 01M82KGBPRGWTJ532HV231XZCM',1795383902401,NULL);
INSERT INTO "orders" VALUES(6,'01M82KGG6QF76ZCMA2WFYKF1V1','queued','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-6','trade:BTCUSDT:BUY:target-16660-6',5,0,'derived:6140e1fa011a97b95fef90a8dfaea4a42c28fc074a1b0f5940c18398195a34b9','b1823502ca23ea81c224dcf414659d1f7ae332663a8047ff186c297392f85fc8',1,NULL,1795383902423,1795387507423,1795387502423,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,NULL,1795383902423,NULL);
INSERT INTO "orders" VALUES(7,'01M82KGG75C4G36GMHMNQZ8F9P','withdrawn','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-7','trade:BTCUSDT:BUY:target-16660-7',5,0,'derived:aa5b7fb425428a0c38f9409dc184ca587dd2a2feb3e81d3f6bd4fa57290997a6','504210a415acd19624e3509d63ff73858f36e225b30e824e9e2e3610f2afbc31',0,NULL,1795383902437,1795387507435,1795387502435,0,30000,0,0,NULL,NULL,NULL,NULL,NULL,'0','0',NULL,'cancelled by the caller',1795383902446,1795383902446);
INSERT INTO "orders" VALUES(8,'01M82KGG867FQZ2WJDGR66B19N','in_doubt','BTCUSDT','BUY','MARKET',NULL,'25',NULL,NULL,'bot','target-16660-8','trade:BTCUSDT:BUY:target-16660-8',5,0,'derived:19dec454b2f0d4498bd2bb3653a5c2c9aa8b6c3c3a6d977e32403257d28bcafa','04b24b7adfeae8e5a5b7d7c628f5e81ad8b3a7a5635ed37a4caa51dfa46ffb44',1,NULL,1795383902470,1795383907470,NULL,0,30000,1,0,'lock-7','01M82KGG867FQZ2WJDGR66B19N-1',1795383902470,1795383902484,NULL,'0','0',NULL,'ServerDisconnectedError: Server disconnected',1795383902484,NULL);
CREATE TABLE transaction_locks (
    fencing_token     INTEGER PRIMARY KEY,  -- only grows
    lock_id           TEXT NOT NULL GENERATED ALWAYS AS ('lock-' || fencing_token) VIRTUAL,
    resource_id       TEXT NOT NULL,
    idempotency_key   TEXT NOT NULL,        -- of what it is held for
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type IN ('user', 'system', 'workflow')),
    order_id          TEXT,                 -- the order it is held for; NULL for a caller's own lease
    acquired_at       INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,     -- end of the lease
    released_at       INTEGER,
    status            TEXT NOT NULL CHECK (status IN ('active', 'released', 'expired', 'failed')),
    lock_type         TEXT NOT NULL CHECK (lock_type = 'exclusive'),
    transaction_type  TEXT NOT NULL CHECK (transaction_type IN ('trade', 'cancel', 'update')),
    transaction_data  TEXT,                 -- JSON
    max_retries       INTEGER NOT NULL,     -- the bot's column; attempts are counted in orders
    current_retries   INTEGER NOT NULL,
    timeout_ms        INTEGER NOT NULL,     -- length of the lease
    result            TEXT,                 -- JSON
    error_message     TEXT,
    overdue           INTEGER NOT NULL CHECK (overdue IN (0, 1)),  -- the lease ended with an outcome outstanding
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
INSERT INTO "transaction_locks" VALUES(1,'trade:BTCUSDT:BUY:target-16660-1','derived:4f16811e0a1a467690a8f78b03243eea8f68a64a5c3738ebd5655df91f8976ad','bot','user','01M82KGBMFY03GZFZ366NAXBXB',1795383897743,1795383927743,1795383897750,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000001","clientOrderId":"01M82KGBMFY03GZFZ366NAXBXB-1","state":"open"}',NULL,0,1795383897743,1795383897750);
INSERT INTO "transaction_locks" VALUES(2,'trade:BTCUSDT:BUY:target-16660-2','derived:2b8098c0fc85a4e974dc31e01437174ec1167de10c97a9f97ca5472a9a8bf64c','bot','user','01M82KGBN1ADAZ3QB5H5MBVAN0',1795383897762,1795383927762,1795383897765,'released','exclusive','trade',NULL,3,0,30000,'{"orderId":"C02__342252993005723000002","clientOrderId":"01M82KGBN1ADAZ3QB5H5MBVAN0-1","state":"open"}',NULL,0,1795383897762,1795383897765);
INSERT INTO "transaction_locks" VALUES(3,'trade:BTCUSDT:BUY:target-16660-3','derived:d9846ee98d6eb61c362550a4b8f11acac43cc7002a7344717c119a710b534465','bot','user','01M82KGBNQ7JJ15ADTQE9R15TJ',1795383897784,1795383927784,1795383897789,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30004): Insufficient position',0,1795383897784,1795383897789);
INSERT INTO "transaction_locks" VALUES(4,'trade:BTCUSDT:BUY:target-16660-4','derived:69122590945bf893c7e52ee293a6f437819d49777ed53bd67ad652b0c95eee22','bot','user','01M82KGBPCZ42PTE9HV313AHF8',1795383897804,1795383927804,1795383897809,'failed','exclusive','trade',NULL,3,0,30000,NULL,'refused (30002): The minimum transaction volume cannot be less than:',0,1795383897804,1795383897809);
INSERT INTO "transaction_locks" VALUES(5,'trade:BTCUSDT:BUY:target-16660-5','derived:8b50ab75291d7556ecca649ccf3e56105f9eadc4e83f75a5dbd2ae25d5129785','bot','user','01M82KGBPRGWTJ532HV231XZCM',1795383897816,1795383927816,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795383897816,1795383897816);
INSERT INTO "transaction_locks" VALUES(6,'wallet:42','wait-01M82KGG7PJCZWSHESE8XEWEFJ','bot','user',NULL,1795383902454,1795387502454,NULL,'active','exclusive','trade',NULL,3,0,3600000,NULL,NULL,0,1795383902454,1795383902454);
INSERT INTO "transaction_locks" VALUES(7,'trade:BTCUSDT:BUY:target-16660-8','derived:19dec454b2f0d4498bd2bb3653a5c2c9aa8b6c3c3a6d977e32403257d28bcafa','bot','user','01M82KGG867FQZ2WJDGR66B19N',1795383902470,1795383932470,NULL,'active','exclusive','trade',NULL,3,0,30000,NULL,NULL,0,1795383902470,1795383902470);
CREATE TABLE transaction_queue (
    queue_id          TEXT PRIMARY KEY,     -- the order's id, or of who waits for a lease: wait-…
    lock_id           TEXT,                 -- the lock it was served under
    resource_id       TEXT NOT NULL,
    priority          INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 10),
    transaction_type  TEXT NOT NULL CHECK (transaction_type IN ('trade', 'cancel', 'update')),
    transaction_data  TEXT NOT NULL,        -- JSON
    idempotency_key   TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    queued_at         INTEGER NOT NULL,
    processing_started_at INTEGER,
    completed_at      INTEGER,
    result            TEXT,                 -- JSON
    error_message     TEXT,
    attempts          INTEGER NOT NULL,
    owner_id          TEXT NOT NULL,
    owner_type        TEXT NOT NULL CHECK (owner_type IN ('user', 'system', 'workflow')),
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "transaction_queue" VALUES('01M82KGG6QF76ZCMA2WFYKF1V1',NULL,'trade:BTCUSDT:BUY:target-16660-6',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-16660-6"}','derived:6140e1fa011a97b95fef90a8dfaea4a42c28fc074a1b0f5940c18398195a34b9','pending',1795383902423,NULL,NULL,NULL,NULL,0,'bot','user',1795383902423,1795383902423);
INSERT INTO "transaction_queue" VALUES('01M82KGG75C4G36GMHMNQZ8F9P',NULL,'trade:BTCUSDT:BUY:target-16660-7',5,'trade','{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quantity":null,"quoteOrderQty":"25","price":null,"snipeTargetId":"target-16660-7"}','derived:aa5b7fb425428a0c38f9409dc184ca587dd2a2feb3e81d3f6bd4fa57290997a6','cancelled',1795383902437,NULL,1795383902446,'{"orderId":null,"state":"withdrawn"}',NULL,0,'bot','user',1795383902437,1795383902446);
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
PRAGMA user_version = 1;
